import { AppError } from '../errors.ts'
import type { IncomingEvent, Source } from '../event/event.ts'
import { type EventKeys, secretHash } from '../identity/blind-index.ts'
import { hasEntropy } from '../identity/entropy.ts'
import { type Presented, presentAnew } from '../identity/present.ts'
import { readNodes } from '../identity/read.ts'
import { withCurrentIndex } from '../identity/stale-index.ts'
import type { Choice } from './apply-choice.ts'
import { type Proven, sameDevice } from './prove.ts'
import { CHOICE_OUTDATED, type ConsentDeps, recordProven } from './service.ts'

/** An event that tells of a choice, with whom it names. */
export interface ToldChoice {
  readonly event: IncomingEvent
  readonly source: Source
  readonly device: Presented | undefined
  readonly user: Presented | undefined
  readonly userConfirmed: boolean
  readonly addressPrefix: string
  readonly keys: EventKeys
}

/**
 * Writes the choice that a `Segment Consent Preference Updated` event tells of. From a server key, or with the
 * device's secret, it counts in full. From a browser without the secret only what it refuses is taken, and only for a
 * device that never showed a secret: an anonymous id alone must be able to stop things, not to allow them. A message
 * that came before grants nothing: sent again with its old sentAt, a grant would look newer than the withdrawal since.
 * Returns whether anything was recorded.
 */
export async function recordEvidence(deps: ConsentDeps, told: ToldChoice): Promise<boolean> {
  const { claim, occurredAt } = told.event
  if (claim.unreadable) return false
  const proven = await provenOf(deps, told)
  if (proven === undefined) return false
  const mayGrant = claim.granted !== 0 && proven.proof !== 'none' && !(await cameBefore(deps, told))
  const choice: Choice = {
    granted: mayGrant ? claim.granted : 0,
    refused: claim.refused,
    claimedAt: occurredAt,
    receivedAt: deps.now(),
  }
  if (choice.granted === 0 && choice.refused === 0) return false
  try {
    await recordProven(deps, told, proven, choice, { evidence: 'segment' })
    return true
  } catch (error) {
    if (error instanceof AppError && error.code === CHOICE_OUTDATED) return false
    throw error
  }
}

async function cameBefore(deps: ConsentDeps, { keys }: ToldChoice): Promise<boolean> {
  const { rowCount } = await deps.db.$client.query('select from weir.event_log where event_key = $1 limit 1', [
    Buffer.from(keys.key),
  ])
  return rowCount !== 0
}

async function storedSecret(deps: ConsentDeps, device: Presented): Promise<Buffer | undefined> {
  const nodes = await withCurrentIndex(deps.keyring, () => readNodes(deps.db, [presentAnew(deps.keyring, device)!]))
  return [...nodes.values()][0]?.secretHash
}

async function provenOf(deps: ConsentDeps, told: ToldChoice): Promise<Proven | undefined> {
  const { event, source, device, user, userConfirmed } = told
  const anonymousId = device?.value
  if (source.kind === 'server') {
    if (anonymousId === undefined && user === undefined) return undefined
    return { userId: user?.value, anonymousId, proof: 'server-key', secretHash: undefined }
  }
  const userId = userConfirmed ? user?.value : undefined
  if (device === undefined || anonymousId === undefined) {
    return userId === undefined
      ? undefined
      : { userId, anonymousId: undefined, proof: 'subject-token', secretHash: undefined }
  }
  const stored = await storedSecret(deps, device)
  const proof = userId === undefined ? 'device-secret' : 'subject-token'
  const { anonymousSecret } = event
  if (anonymousSecret === undefined) {
    const ownWord: Proven = { userId, anonymousId, proof: userId === undefined ? 'none' : proof, secretHash: undefined }
    if (stored === undefined) return ownWord
    return userId === undefined ? undefined : { ...ownWord, anonymousId: undefined }
  }
  const shown = secretHash(deps.keyring.tokenKey, anonymousId, anonymousSecret)
  const holds = stored === undefined ? hasEntropy(anonymousSecret) : sameDevice(stored, shown)
  return holds ? { userId, anonymousId, proof, secretHash: shown } : undefined
}
