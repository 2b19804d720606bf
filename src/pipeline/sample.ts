import { createHmac } from 'node:crypto'
import type { Audit } from '../audit/log.ts'
import type { Db, Tx } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import type { Json, JsonObject } from '../event/event.ts'
import { type LogRow, readAt, readBlobs } from '../eventlog/read.ts'
import type { Keyring } from '../keys/keyring.ts'
import { loadKeyVersions, withActiveEpoch } from '../keys/subject-keys.ts'
import type { PolicyShelf } from './policy-shelf.ts'
import { keyVersionOf, openBlob } from './protect-event.ts'

export interface SampleDeps {
  readonly db: Db
  readonly keyring: Keyring
  readonly policies: PolicyShelf
  readonly classNames: ReadonlyMap<number, string>
  readonly audit: Pick<Audit, 'append'>
}

export interface SampleQuery {
  readonly n: number
  /** Letters, digits, dot, hyphen and underscore: the same one draws the same events from the same range. */
  readonly seed: string
  /** Positions of the log, inclusive; absent: all that is there. */
  readonly from?: bigint
  readonly to?: bigint
  /** As the log names who draws: `officer:<id>`, `cli`. */
  readonly actor: string
}

const LOG_KIND_EVENT = 0
const CHUNK = 1_000
const DRAWS = 200 // for each that is wanted: positions of links and probes, and those of rows that are gone, are no events

/**
 * A random sample of decisions for an auditor, who sees how each was made and which fields were kept of it, by path and
 * kind, and no value. Drawn by a seed, so that somebody else can draw it again; every draw is entered before it is shown,
 * about everybody who is in it.
 */
export async function drawSample(deps: SampleDeps, query: SampleQuery): Promise<JsonObject> {
  const range = await rangeOf(deps.db, query)
  const rows = await draw(deps.db, query, range)
  await deps.audit.append({
    actor: query.actor,
    action: 'audit.sample',
    resource: `decisions:${range.from}-${range.to}`,
    purpose: 'audit',
    more: { seed: query.seed, wanted: query.n, drawn: rows.length },
    about: [...new Set(rows.flatMap((row) => row.subject ?? []))].map((subject) => ({ subject })),
  })
  await deps.policies.load(
    deps.db,
    rows.map((row) => row.policyVersion),
  )
  const sources = await sourceNames(deps.db)
  const fields = await withActiveEpoch(deps.keyring, () => transaction(deps.db, (tx) => fieldsOf(tx, deps, rows)))
  return {
    seed: query.seed,
    from: Number(range.from),
    to: Number(range.to),
    decisions: rows.map((row) => ({ ...described(deps, row, sources), fields: fields.get(row.pos) ?? [] })),
  }
}

interface Range {
  readonly from: bigint
  readonly to: bigint
}

async function rangeOf(db: Db, { from, to }: SampleQuery): Promise<Range> {
  const { rows } = await db.$client.query<{ first: bigint | null; last: bigint | null }>(
    'select min(pos) as first, max(pos) as last from weir.event_log where kind = 0',
  )
  const range = { from: from ?? rows[0]!.first ?? 0n, to: to ?? rows[0]!.last ?? 0n }
  if (range.from > range.to) throw new AppError('invalid', 'the sample’s range ends before it begins')
  return range
}

/** Positions by HMAC(seed, 0), HMAC(seed, 1)… until enough of them are events. */
async function draw(db: Db, { n, seed }: SampleQuery, { from, to }: Range): Promise<LogRow[]> {
  const width = to - from + 1n
  const seen = new Set<bigint>()
  const drawn: LogRow[] = []
  for (let next = 0; next < n * DRAWS + CHUNK && drawn.length < n; next += CHUNK) {
    const fresh: bigint[] = []
    for (let i = next; i < next + CHUNK; i++) {
      const random = createHmac('sha256', seed).update(`weir/sample/${i}`).digest().readBigUInt64BE(0)
      const pos = from + (random % width) // of 2^64: the bias is below one in a billion for any log there can be
      if (!seen.has(pos)) fresh.push(pos)
      seen.add(pos)
    }
    const byPos = new Map((await readAt(db, fresh)).map((row) => [row.pos as bigint, row]))
    for (const pos of fresh) {
      const row = byPos.get(pos)
      if (row?.kind === LOG_KIND_EVENT && drawn.length < n) drawn.push(row)
    }
  }
  return drawn
}

async function sourceNames(db: Db): Promise<Map<number, string>> {
  const { rows } = await db.$client.query<{ source_id: number; name: string }>(
    'select source_id, name from weir.source',
  )
  return new Map(rows.map((row) => [row.source_id, row.name]))
}

function described({ policies }: SampleDeps, row: LogRow, sources: ReadonlyMap<number, string>): JsonObject {
  const policy = policies.of(row.policyVersion)
  const rule = policy.eventList[row.eventType]
  return {
    position: Number(row.pos),
    day: row.atDay,
    source: sources.get(row.sourceId) ?? 'removed',
    event: rule?.name ?? 'unknown',
    policy: row.policyVersion,
    outcome: row.routes === 0 ? 'refused' : 'permitted',
    destinations: (rule?.routes ?? []).map((route) => ({
      destination: route.destination.name,
      permitted: (row.routes & route.bit) !== 0,
      erasedSince: (row.closed & route.bit) !== 0,
    })),
    kept: row.subject !== null,
  }
}

/** Path, class and kind of everything that is still kept of these events. */
async function fieldsOf(tx: Tx, deps: SampleDeps, rows: readonly LogRow[]): Promise<Map<bigint, JsonObject[]>> {
  const byPos = new Map(rows.map((row) => [row.pos as bigint, row]))
  const wanted = rows.flatMap(({ pos, subject, blobs }) =>
    subject === null ? [] : blobs.map((blob) => ({ ...blob, subject, pos })),
  )
  const stored = await readBlobs(tx, wanted)
  const subjectOf = (pos: bigint) => byPos.get(pos)!.subject!
  const keys = await loadKeyVersions(
    tx,
    deps.keyring,
    stored.map(({ pos, bytes }) => ({ subject: subjectOf(pos), keyVersion: keyVersionOf(bytes) })),
  )
  const found = new Map<bigint, JsonObject[]>()
  for (const { pos, classId, bytes } of stored) {
    const subject = subjectOf(pos)
    const own = keys(subject, keyVersionOf(bytes))
    const className = deps.classNames.get(classId)
    if (own === undefined || className === undefined) continue // erased meanwhile
    const { f } = openBlob(own, { subject, className, eventKey: byPos.get(pos)!.eventKey }, bytes)
    found.set(pos, [...(found.get(pos) ?? []), ...kindsOf(f).map((one) => ({ class: className, ...one }))])
  }
  return found
}

function kindsOf(value: Json, path = ''): { path: string; kind: string }[] {
  if (typeof value !== 'object' || value === null) return [{ path, kind: kindOf(value) }]
  if (Array.isArray(value)) {
    const [first] = value as readonly Json[]
    const inner = typeof first === 'object' && first !== null ? kindsOf(first, `${path}[]`) : []
    return [{ path, kind: `list of ${value.length}` }, ...inner]
  }
  return Object.entries(value).flatMap(([name, inner]) => kindsOf(inner, path === '' ? name : `${path}.${name}`))
}

function kindOf(value: Json): string {
  if (value === null) return 'nothing'
  return typeof value === 'string' ? 'text' : typeof value === 'number' ? 'number' : 'yes or no'
}
