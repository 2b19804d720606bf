import { setTimeout as delay } from 'node:timers/promises'
import type { Db } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import type { Logger } from '../log.ts'
import type { Position } from './leading.ts'
import { lastSigned, storedReader } from './stored-tree.ts'
import { consistencyProof } from './tree.ts'
import { type Submitted, submitTo, type WitnessAddress } from './witness-client.ts'

export interface CosignerDeps {
  readonly db: Db
  readonly witnesses: readonly Pick<WitnessAddress, 'url' | 'key'>[]
  readonly log: Logger
  /** A witness has seen another log than this: nothing may be signed any more. */
  readonly objects: (trouble: string) => void
}

/** Takes signed checkpoints to the witnesses, beside everything else: no entry waits for one. */
export interface Cosigner {
  /**
   * What a witness knows that this log does not, asked before a node signs anything: after a restore of an old backup the
   * witness remembers more. Undefined where none objects, or none answers in time.
   */
  objection(position: Position): Promise<string | undefined>
  /** Takes this checkpoint, or a newer one, to every witness. Returns at once. */
  submit(position: Position): void
  /** Resolves when what waits was taken there. */
  idle(): Promise<void>
}

const EVERY_MS = 1_000
const AT_START_MS = 2_000
const LONGEST_WAIT_MS = 10_000

/** Whether a witness has the checkpoint, or a newer one, and what it has against the log. */
interface Taken {
  readonly cosigned: boolean
  readonly trouble?: string | undefined
}

export function createCosigner(deps: CosignerDeps): Cosigner {
  const couriers = deps.witnesses.map((witness) => courier(deps, witness))
  return {
    async objection(position) {
      if (position.note === '') return undefined
      const asked = await Promise.all(couriers.map((one) => one.take(position, AT_START_MS)))
      return asked.find(({ trouble }) => trouble !== undefined)?.trouble
    },
    submit(position) {
      for (const one of couriers) one.offer(position)
    },
    async idle() {
      await Promise.all(couriers.map((one) => one.idle()))
    },
  }
}

/** One witness: one request under way, the newest checkpoint next, at most one a second. */
function courier(deps: CosignerDeps, witness: Pick<WitnessAddress, 'url' | 'key'>) {
  const known = new Map<string, bigint>() // size that it cosigned last, by origin
  let next: Position | undefined
  let busy: Promise<void> | undefined
  let ending = new AbortController()

  async function take(position: Position, timeoutMs?: number): Promise<Taken> {
    const { shard, signed, note } = position
    const address = {
      ...witness,
      from: known.get(shard.origin) ?? 0n,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    }
    const submitted = await submitTo(address, note, (from) =>
      consistencyProof(from, signed, storedReader(deps.db, shard, signed)),
    )
    if (submitted.outcome === 'cosigned') {
      known.set(shard.origin, signed)
      await keep(deps.db, position, witness.key.name, submitted.line)
      return { cosigned: true }
    }
    if (submitted.outcome === 'ahead' && (await isKnown(deps.db, position, submitted.size))) return { cosigned: true }
    return { cosigned: false, trouble: troubleOf(deps, witness.key.name, submitted) }
  }

  async function run(): Promise<void> {
    for (let wait = EVERY_MS; next !== undefined; ) {
      const position = next
      next = undefined
      const { cosigned, trouble } = await take(position).catch((error: unknown): Taken => {
        deps.log.warn({ err: error, witness: witness.key.name }, 'a checkpoint could not be taken to a witness')
        return { cosigned: false }
      })
      if (trouble !== undefined) deps.objects(trouble)
      wait = cosigned ? EVERY_MS : Math.min(wait * 2, LONGEST_WAIT_MS)
      await delay(wait, undefined, { signal: ending.signal }).catch(() => undefined)
      // A log in which nothing happens has no newer one: this one is taken there again.
      if (!cosigned && trouble === undefined && !ending.signal.aborted) next ??= position
    }
    busy = undefined
  }

  return {
    take,
    offer(position: Position): void {
      next = position
      busy ??= run()
    },
    async idle(): Promise<void> {
      ending.abort()
      await busy
      ending = new AbortController()
    },
  }
}

/** Whether a newer checkpoint was signed here meanwhile, which somebody else took there: then it is not the log that lags. */
async function isKnown(db: Db, { shard }: Position, size: bigint): Promise<boolean> {
  return ((await lastSigned(db, shard.shard))?.size ?? 0n) >= size
}

async function keep(db: Db, { shard, signed }: Position, witness: string, line: string): Promise<void> {
  await transaction(db, async (tx) => {
    await tx.$client.query('set local role weir_sequencer')
    await tx.$client.query('select weir.audit_cosign($1, $2, $3, $4)', [shard.shard, signed, witness, line])
  })
}

function troubleOf(
  deps: CosignerDeps,
  name: string,
  submitted: Exclude<Submitted, { outcome: 'cosigned' }>,
): string | undefined {
  if (submitted.outcome === 'ahead') {
    return `the witness ${name} has seen ${submitted.size} entries, the log has fewer: it was set back, by a restored backup or by somebody`
  }
  if (submitted.outcome === 'refused' && submitted.reason === 'forked') {
    return `the witness ${name} has cosigned another log under this name`
  }
  const why = submitted.outcome === 'refused' ? submitted.reason : 'unreachable'
  deps.log.warn({ witness: name, why }, 'a witness did not cosign; it is asked again')
  return undefined
}
