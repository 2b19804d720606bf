import { PURPOSES, type PurposeMask } from '../event/purpose.ts'

/** A subject's consent as the state row holds it. Times in milliseconds since 1970, per purpose bit, 0 for never. */
export interface ConsentState {
  readonly epoch: number
  readonly granted: PurposeMask
  readonly refused: PurposeMask
  readonly restrictedAt: readonly number[]
  readonly restrictedEpoch: readonly number[]
}

export interface Choice {
  readonly granted: PurposeMask
  readonly refused: PurposeMask
  /** The client's clock, where it gave one. */
  readonly claimedAt: number | undefined
  /** Ours. */
  readonly receivedAt: number
}

export const NO_CONSENT: ConsentState = {
  epoch: 0,
  granted: 0,
  refused: 0,
  restrictedAt: PURPOSES.map(() => 0),
  restrictedEpoch: PURPOSES.map(() => 0),
}

/**
 * The state after a choice. Asymmetric clocks: a restriction holds from its receipt, whatever its client time; a
 * grant that names a client time holds only if that is after the last restriction's (a queued old grant does not
 * undo a withdrawal). A purpose both granted and refused in one choice is refused. The epoch always rises by one.
 */
export function applyChoice(state: ConsentState, choice: Choice): ConsentState {
  const epoch = state.epoch + 1
  const at = Math.min(choice.claimedAt ?? choice.receivedAt, choice.receivedAt)
  const restrictedAt = [...state.restrictedAt]
  const restrictedEpoch = [...state.restrictedEpoch]
  let { granted, refused } = state
  PURPOSES.forEach((_, bit) => {
    const mask = 1 << bit
    if ((choice.refused & mask) !== 0) {
      granted &= ~mask
      refused |= mask
      restrictedAt[bit] = Math.max(restrictedAt[bit] ?? 0, at)
      restrictedEpoch[bit] = epoch
    } else if ((choice.granted & mask) !== 0 && (choice.claimedAt === undefined || at > (restrictedAt[bit] ?? 0))) {
      granted |= mask
      refused &= ~mask
    }
  })
  return { epoch, granted, refused, restrictedAt, restrictedEpoch }
}
