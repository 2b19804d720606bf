import { type KeyObject, randomInt } from 'node:crypto'
import type { Tx } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { openCheckpoint, signCheckpoint } from './checkpoint.ts'
import { bodyOf, ENTRY_COLUMNS, type EntryRow } from './entry.ts'
import { originOf } from './log-key.ts'
import {
  extendStored,
  lastCheckpoint,
  lastSigned,
  loadTileState,
  readShards,
  type Shard,
  storedReader,
} from './stored-tree.ts'
import { EMPTY_TILES, extendTiles, frontierOf, type TileState } from './tiles.ts'
import { EMPTY_ROOT, frontierAt, leafHash, rootOf } from './tree.ts'
import { ED25519, formatVerifierKey, parseVerifierKey, verifierKey } from './verifier-key.ts'

export interface LeadingDeps {
  readonly key: KeyObject
  readonly publicUrl: string
  readonly log: Logger
  readonly metrics: Metrics
}

/** The node that extends the log, with the edge of the tree in memory. */
export interface Leading {
  /** Moves at most 1,000 entries into the tree. Returns whether more may wait. */
  takeBatch(): Promise<boolean>
  /** Signs what is committed, where it is not yet. Returns whether it did. */
  sign(): Promise<boolean>
  /** Where it stands; none before the first entry. */
  position(): Position | undefined
}

/** A shard and its last signed checkpoint; `note` is empty before the first. */
export interface Position {
  readonly shard: Shard
  readonly signed: bigint
  readonly note: string
}

const MAX_BATCH = 1000

/**
 * Goes on where the log stands, after a look at whether it stands where it was left. Throws AppError `audit-forked` where
 * what is stored is not what was signed: a second checkpoint over other entries would be a lie with our name on it.
 */
export async function resume(tx: Tx, deps: LeadingDeps): Promise<Leading> {
  let held = await holdLast(tx, deps)
  if (held !== undefined) deps.metrics.auditSize(Number(held.shard.firstIndex + held.signed))
  // Where a full batch began: what was taken since lies before it, dead, and would be read over and over.
  let from = 0n

  async function shardFor(year: number): Promise<Held> {
    if (held !== undefined && held.shard.year >= year && !held.broken) return held
    await sign() // a shard ends under a signature
    held = await openShard(tx, deps, Math.max(year, held?.shard.year ?? 0), held)
    return held
  }

  async function sign(): Promise<boolean> {
    if (held === undefined || held.broken || held.signed === held.state.size) return false
    const { size } = held.state
    const { origin } = held.shard
    const checkpoint = { origin, size, root: rootOf(frontierOf(held.state)) }
    const note = signCheckpoint(checkpoint, { name: origin, key: deps.key })
    await tx.$client.query('select weir.audit_publish($1, $2, $3)', [held.shard.shard, size, note])
    held = { ...held, signed: size, note }
    deps.metrics.auditSize(Number(held.shard.firstIndex + size))
    return true
  }

  return {
    async takeBatch() {
      const rows = await readQueue(tx, from)
      if (rows.length === 0) return false
      from = rows.length === MAX_BATCH ? rows[0]!.record_id : 0n
      const into = await shardFor(rows[0]!.at.getUTCFullYear())
      held = { ...into, state: await extend(tx, into, rows) }
      return rows.length === MAX_BATCH
    },
    sign,
    position() {
      if (held === undefined || held.broken) return undefined
      return { shard: held.shard, signed: held.signed, note: held.note }
    },
  }
}

interface Held {
  readonly shard: Shard
  readonly state: TileState
  /** Size of the last signed checkpoint, and its note; 0 and '' before the first. */
  readonly signed: bigint
  readonly note: string
  /** A backup was restored since: nothing goes into this shard any more. */
  readonly broken: boolean
}

/** What waits, from this record on if that fills a batch, else all: one that was numbered early may be committed late. */
async function readQueue(tx: Tx, from: bigint): Promise<EntryRow[]> {
  const { rows } = await tx.$client.query<EntryRow>({
    name: 'audit-queue',
    text: `select ${ENTRY_COLUMNS} from weir.audit_waiting where record_id >= $1 order by record_id limit ${MAX_BATCH}`,
    values: [from],
  })
  return rows.length < MAX_BATCH && from > 0n ? readQueue(tx, 0n) : rows
}

async function extend(tx: Tx, { shard, state }: Held, rows: readonly EntryRow[]): Promise<TileState> {
  const leaves = rows.map((row) => leafHash(bodyOf(row)))
  const extended = extendTiles(state, leaves)
  await extendStored(tx, {
    shard: shard.shard,
    expected: state.size,
    records: rows.map((row) => row.record_id),
    leaves,
    root: rootOf(frontierOf(extended.state)),
    tiles: extended.completed,
  })
  return extended.state
}

async function openShard(tx: Tx, deps: LeadingDeps, year: number, before: Held | undefined): Promise<Held> {
  // What is there does not tell which origins were signed under: the same backup may have been restored before.
  const part = (await isAfterBreak(tx)) ? randomInt(PARTS, 1000 * PARTS) : 1
  const origin = originOf(deps.publicUrl, year, part)
  const number = (before?.shard.shard ?? 0) + 1
  const vkey = vkeyOf(origin, deps.key)
  const previous = before === undefined || before.note === '' ? null : before.note
  const { rows } = await tx.$client.query<{ first: bigint }>(
    'select weir.audit_open_shard($1, $2, $3, $4, $5) as first',
    [number, year, origin, vkey, previous],
  )
  const shard = { shard: number, year, origin, vkey, firstIndex: rows[0]!.first, previous }
  return { shard, state: EMPTY_TILES, signed: 0n, note: '', broken: false }
}

const PARTS = 1_000_000

/** Whether the log was restored or reopened since its last shard was opened, or before its first. */
async function isAfterBreak(tx: Tx): Promise<boolean> {
  const { rows } = await tx.$client.query<{ after: boolean }>(
    `select exists (select from weir.audit_break
       where break_id > coalesce((select break_id from weir.audit_shard order by shard desc limit 1), 0)) as after`,
  )
  return rows[0]!.after
}

async function holdLast(tx: Tx, deps: LeadingDeps): Promise<Held | undefined> {
  const shard = (await readShards(tx)).at(-1)
  if (shard === undefined) return undefined
  if (await isBroken(tx, shard)) {
    const note = (await lastSigned(tx, shard.shard))?.note ?? ''
    return { shard, state: EMPTY_TILES, signed: 0n, note, broken: true }
  }
  const checkpoint = (await lastCheckpoint(tx, shard.shard)) ?? { size: 0n, root: EMPTY_ROOT }
  const state = await loadTileState(tx, shard, checkpoint.size)
  if (!rootOf(frontierOf(state)).equals(checkpoint.root))
    throw forked('the last checkpoint of the audit log is not that of its entries')
  if (shard.vkey !== vkeyOf(shard.origin, deps.key)) {
    throw forked('the audit log was signed with another key than the keyset holds')
  }
  const signed = await lastSigned(tx, shard.shard)
  if (signed === undefined) return { shard, state, signed: 0n, note: '', broken: false }
  const { size, root } = openCheckpoint(signed.note, [parseVerifierKey(shard.vkey)]).checkpoint
  if (size !== signed.size || size > checkpoint.size) throw forked('the audit log is shorter than what was signed')
  const then = rootOf(await frontierAt(size, storedReader(tx, shard, size)))
  if (!then.equals(root)) throw forked('entries of the audit log that were signed have changed')
  return { shard, state, signed: size, note: signed.note, broken: false }
}

async function isBroken(tx: Tx, { shard }: Shard): Promise<boolean> {
  const { rows } = await tx.$client.query<{ broken: boolean }>(
    `select coalesce((select max(break_id) from weir.audit_break), 0) > break_id as broken
     from weir.audit_shard where shard = $1`,
    [shard],
  )
  return rows[0]!.broken
}

function vkeyOf(origin: string, key: KeyObject): string {
  return formatVerifierKey(verifierKey(origin, key, ED25519))
}

/** What makes the log one that must not be signed on. */
export function forked(what: string): AppError {
  const message = `${what}. Nothing is signed: run weir audit verify, with --known and what witnesses and auditors kept; weir audit reopen goes on under another origin`
  return new AppError('conflict', message, { code: 'audit-forked' })
}
