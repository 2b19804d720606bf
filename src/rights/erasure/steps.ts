import { randomBytes } from 'node:crypto'
import { appendEntriesAbout } from '../../audit/log.ts'
import { uuidArray } from '../../db/binary-array.ts'
import type { Tx } from '../../db/pool.ts'
import { tellRecipients } from '../../destinations/outbox.ts'
import { type SubjectId, subjectId } from '../../event/ids.ts'
import { tombstonesOf } from '../../identity/tombstones.ts'
import { needContent, putContent, readContent } from '../content.ts'
import type { RightsDeps } from '../deps.ts'
import { setAside } from '../remainder.ts'
import type { GivenIdentifier, Removed, Request } from '../request.ts'
import { restrict } from '../restrict.ts'
import { setSubjects, subjectsOf } from '../rows.ts'
import { needlesOf } from '../scan/needles.ts'
import type { Step } from '../step.ts'
import { closeEarlierRequests } from './earlier-requests.ts'
import { destroyKeys, removeFromModules, removeRows } from './remove.ts'
import { takeSample } from './sample.ts'
import { identifiersOf, subjectTagOf, withDevices } from './subjects.ts'

/**
 * An erasure, in the order in which nothing can be lost or come back: what must outlive the person is written down, the
 * ledger outside the database says so, keys go, modules forget, rows go. What follows (recipients, scan, receipt) is
 * finish.ts.
 */
export const ERASURE_STEPS: readonly Step[] = [
  { name: 'gather', run: gather },
  { name: 'ledger', before: writeLedger, run: noteLedger },
  {
    name: 'keys',
    run: (tx, deps, request) => removing(tx, deps, request, (subjects) => destroyKeys(tx, deps, subjects)),
  },
  {
    name: 'modules',
    run: (tx, deps, request) => removing(tx, deps, request, (subjects) => removeFromModules(tx, deps, subjects)),
  },
  { name: 'rows', run: rows },
]

/** Whom it erases, what the scan is to look for, what a statute keeps, whom to tell: all that the keys are needed for. */
async function gather(tx: Tx, deps: RightsDeps, request: Request): Promise<void> {
  const { keyring, now } = deps
  const { id, language } = request
  const subjects = await withDevices(tx, await subjectsOf(tx, id))
  await restrict(tx, deps, { request: id, subjects, now: now() })
  await setSubjects(tx, id, subjects)
  const onFile = await identifiersOf(tx, deps, subjects)
  const given = (await readContent(tx, keyring, id, 'identifiers')) ?? []
  const identifiers = withoutRepeats([...given.filter(({ verified }) => verified), ...onFile])
  await putContent(tx, keyring, id, 'subjects', subjects)
  await putContent(tx, keyring, id, 'identifiers', identifiers)
  await putContent(
    tx,
    keyring,
    id,
    'needles',
    await needlesOf(tx, { keyring, holders: deps.holders() }, { subjects, identifiers }),
  )
  await putContent(tx, keyring, id, 'sample', await takeSample(tx, subjects))
  if ((await readContent(tx, keyring, id, 'salt')) === undefined) {
    await putContent(tx, keyring, id, 'salt', randomBytes(32).toString('base64url'))
  }
  const contact = (await readContent(tx, keyring, id, 'contact')) ?? contactOf(identifiers)
  await putContent(tx, keyring, id, 'contact', contact)
  await putContent(tx, keyring, id, 'manifest', await setAside(tx, deps, { request: id, subjects, contact, language }))
  await tellRecipients(tx, deps, { request: id, kind: 'erasure', subjects })
  await tx.$client.query(
    `insert into weir.erasure (erasure_id, ledger_at, subjects) values ($1, $2, $3) on conflict (erasure_id) do nothing`,
    [id, new Date(now()), subjects.length],
  )
  await appendEntriesAbout(tx, deps, [
    {
      actor: 'weir',
      action: 'request.erase',
      resource: `request:${id}`,
      purpose: 'rights',
      outcome: 'done',
      more: { subjects: subjects.length, regime: request.regime },
      about: subjects.map((subject) => ({ subject })),
      ...(request.caseId === undefined ? {} : { caseId: request.caseId }),
    },
  ])
}

/** Where nobody was asked for a contact, the one that is on file. */
function contactOf(identifiers: readonly GivenIdentifier[]): { mail?: string; phone?: string } {
  const mail = identifiers.find(({ type }) => type === 'email')?.value
  const phone = identifiers.find(({ type }) => type === 'phone')?.value
  return { ...(mail === undefined ? {} : { mail }), ...(phone === undefined ? {} : { phone }) }
}

function withoutRepeats(identifiers: readonly GivenIdentifier[]): GivenIdentifier[] {
  return [...new Map(identifiers.map((one) => [`${one.type} ${one.value}`, one])).values()]
}

/** Before anything is destroyed, and outside of the database: a backup that is restored is made to forget by it. */
async function writeLedger(deps: RightsDeps, request: Request): Promise<void> {
  const { db, keyring } = deps
  const subjects = await needContent(db, keyring, request.id, 'subjects')
  const identifiers = await needContent(db, keyring, request.id, 'identifiers')
  const { rows } = await db.$client.query<{ ledger_at: Date }>(
    'select ledger_at from weir.erasure where erasure_id = $1',
    [request.id],
  )
  await deps.ledger.append({
    v: 1,
    id: request.id,
    at: (rows[0]?.ledger_at ?? new Date(deps.now())).toISOString(),
    subjects: subjects.map((subject) => subjectTagOf(keyring.tombstoneKey, subjectId(subject)).toString('base64url')),
    tombstones: identifiers.flatMap(({ type, value }) =>
      tombstonesOf(keyring.tombstoneKey, { type, given: value }).map((one) => one.toString('base64url')),
    ),
  })
}

async function noteLedger(): Promise<void> {} // that it is done is all there is to note

async function rows(tx: Tx, deps: RightsDeps, request: Request): Promise<void> {
  const identifiers = await needContent(tx, deps.keyring, request.id, 'identifiers')
  const salt = await needContent(tx, deps.keyring, request.id, 'salt')
  await removing(tx, deps, request, async (subjects) => {
    const requests = await closeEarlierRequests(tx, deps, { id: request.id, subjects })
    const removed = await removeRows(tx, deps, { subjects, identifiers, salt })
    await tx.$client.query('delete from weir.request_person where subject_id = any($1::uuid[])', [uuidArray(subjects)])
    return [...removed, { store: 'weir.request_content', rows: requests, action: 'shredded' }]
  })
  await tx.$client.query('update weir.erasure set done_at = $2 where erasure_id = $1', [
    request.id,
    new Date(deps.now()),
  ])
}

/** Adds up what each step took, for the receipt. Steps may be done again: what is gone is not counted twice. */
async function removing(
  tx: Tx,
  { keyring }: RightsDeps,
  { id }: Request,
  remove: (subjects: SubjectId[]) => Promise<Removed[]>,
): Promise<void> {
  const subjects = (await needContent(tx, keyring, id, 'subjects')).map(subjectId)
  const before = (await readContent(tx, keyring, id, 'removed')) ?? []
  const byStore = new Map(before.map((one) => [one.store, one]))
  for (const one of await remove(subjects)) {
    byStore.set(one.store, { ...one, rows: one.rows + (byStore.get(one.store)?.rows ?? 0) })
  }
  await putContent(tx, keyring, id, 'removed', [...byStore.values()])
}
