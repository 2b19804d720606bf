import { uuidArray } from '../../db/binary-array.ts'
import type { Tx } from '../../db/pool.ts'
import { recipientsOf } from '../../destinations/register.ts'
import { type SubjectId, subjectId } from '../../event/ids.ts'
import { readTombstones } from '../../identity/tombstones.ts'
import type { Keyring } from '../../keys/keyring.ts'
import { readContent } from '../content.ts'
import { requestOf } from '../rows.ts'
import { asStatutory } from '../statutory/rows.ts'
import { REQUESTS_OF } from '../whose.ts'
import type { Refs } from './refs.ts'
import type { AccessDocument } from './schema.ts'

interface Whose {
  readonly subjects: readonly SubjectId[]
  readonly refs: Refs
}

/** Who outside received what, by the register; `names` are the destinations' by their numbers. */
export async function readRecipients(
  tx: Tx,
  keyring: Keyring,
  { subjects, refs }: Whose,
  names: ReadonlyMap<number, string>,
): Promise<AccessDocument['recipients']> {
  const received = await recipientsOf(tx, keyring, subjects)
  return received.map((one) => ({
    of: refs.of(one.subject),
    recipient: names.get(one.destinationId) ?? 'unknown',
    identifierForm: one.identifierForm,
    identifier: one.identifier,
    fields: [...one.fields],
    first: new Date(one.firstAt).toISOString(),
    last: new Date(one.lastAt).toISOString(),
    consentRecords: [...one.records],
  }))
}

/** What officers asked to see of the person. Why, and who, stays sealed: it may be about others. */
export async function readDisclosures(tx: Tx, { subjects }: Whose): Promise<AccessDocument['disclosures']> {
  const { rows } = await tx.$client.query<{
    asked_at: Date
    kind: string
    purpose: string
    wanted: string[]
    emergency: boolean
    decision: string | null
    used: number
  }>(
    `select d.asked_at, d.kind, d.purpose, d.wanted, d.emergency, d.decision, d.used
     from weir.disclosure d join weir.disclosure_person p using (disclosure_id)
     where p.subject_id = any($1::uuid[]) order by d.number`,
    [uuidArray(subjects)],
  )
  return rows.map(({ asked_at, kind, purpose, wanted, emergency, decision, used }) => ({
    askedAt: asked_at.toISOString(),
    kind,
    purpose,
    wanted,
    emergency,
    decision,
    reads: used,
  }))
}

/** Every request that was known to be theirs, with its history, and with what it says while that is kept. */
export async function readRequests(tx: Tx, keyring: Keyring, { subjects }: Whose): Promise<AccessDocument['requests']> {
  const { rows } = await tx.$client.query<Parameters<typeof requestOf>[0]>(
    `select r.* from weir.request r where r.request_id in (${REQUESTS_OF}) order by r.number`,
    [uuidArray(subjects)],
  )
  const found: AccessDocument['requests'] = []
  for (const row of rows) {
    const request = requestOf(row)
    found.push({
      id: request.id,
      right: request.right,
      door: request.door,
      regime: request.regime,
      state: request.state,
      receivedAt: new Date(request.receivedAt).toISOString(),
      legalDueAt: timeOf(request.legalDueAt),
      verifiedBy: request.verifiedBy ?? null,
      reason: request.reason ?? null,
      closedAt: timeOf(request.closedAt),
      history: await historyOf(tx, request.id),
      said: await saidIn(tx, keyring, request.id),
    })
  }
  return found
}

function timeOf(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString()
}

async function historyOf(tx: Tx, id: string): Promise<AccessDocument['requests'][number]['history']> {
  const { rows } = await tx.$client.query<{ at: Date; what: string; actor: string; more: string | null }>(
    'select at, what, actor, more from weir.request_event where request_id = $1 order by seq',
    [id],
  )
  // Which employee it was is not told: that they acted is (CJEU C-579/21).
  return rows.map(({ at, what, actor, more }) => ({ at: at.toISOString(), what, by: actor.split(':')[0]!, more }))
}

/** What can be told again to whoever asked: nothing that proves anybody, and nothing that the scan looks for. */
const TOLD = ['changes', 'purposes', 'words', 'manifest'] as const

type Said = AccessDocument['requests'][number]['said']

async function saidIn(tx: Tx, keyring: Keyring, id: string): Promise<Said> {
  const said: Said = {}
  for (const kind of TOLD) {
    const value = await readContent(tx, keyring, id, kind)
    if (value !== undefined) said[kind] = value as unknown as Said[string]
  }
  return said
}

/** Holds over the person that bind today. The authority's file number is the authority's, and is not told. */
export async function readHolds(tx: Tx, { subjects }: Whose, today: string): Promise<AccessDocument['holds']> {
  const { rows } = await asStatutory(tx, () =>
    tx.$client.query<{ authority: string; scope: string[]; placed_at: Date; expires_on: string }>(
      `select h.authority, h.scope, h.placed_at, h.expires_on from statutory.hold h
       where h.released_at is null and h.expires_on > $2::date and h.hold_id in (
         select hold_id from statutory.hold_person where subject_id = any($1::uuid[])) order by h.number`,
      [uuidArray(subjects), today],
    ),
  )
  return rows.map(({ authority, scope, placed_at, expires_on }) => ({
    authority,
    classes: scope,
    placedAt: placed_at.toISOString(),
    until: expires_on,
  }))
}

/** What waits to be handed over again, or to be taken back. */
export async function readWaiting(
  tx: Tx,
  { subjects, refs }: Whose,
  names: ReadonlyMap<number, string>,
): Promise<AccessDocument['waiting']> {
  const { rows } = await tx.$client.query<{
    subject_id: string
    destination_id: number
    since: Date
    what: 'delivery' | 'erasure'
  }>(
    `select subject_id, destination_id, failed_at as since, 'delivery' as what from weir.dead_letter
     where subject_id = any($1::uuid[])
     union all select subject_id, destination_id, requested_at, 'erasure' from weir.purge
     where subject_id = any($1::uuid[]) order by since, destination_id`,
    [uuidArray(subjects)],
  )
  return rows.map(({ subject_id, destination_id, since, what }) => ({
    of: refs.of(subjectId(subject_id)),
    destination: names.get(destination_id) ?? 'the store of content',
    what,
    since: since.toISOString(),
  }))
}

/** How many of these identifiers belonged to somebody who was erased: theirs, most likely, or an earlier owner's. */
export async function countErasedBefore(
  tx: Tx,
  keyring: Keyring,
  identifiers: AccessDocument['you']['identifiers'],
): Promise<number> {
  const wanted = identifiers.flatMap(({ type, value }) => (value === null ? [] : [{ type, given: value }]))
  if (wanted.length === 0) return 0
  const erasedAt = await readTombstones(tx, keyring.tombstoneKey, wanted)
  return wanted.filter((one) => erasedAt(one) > -Infinity).length
}
