import { appendEntriesAbout } from '../audit/log.ts'
import { int2Array, uuidArray } from '../db/binary-array.ts'
import { lockRestriction, lockSubjects } from '../db/locks.ts'
import type { Tx } from '../db/pool.ts'
import { tellRecipients } from '../destinations/outbox.ts'
import type { SubjectId } from '../event/ids.ts'
import { repeatLinks } from '../identity/links.ts'
import { readContent } from './content.ts'
import { correctContacts } from './correct-contact.ts'
import { correctContent } from './correct-content.ts'
import type { RightsDeps } from './deps.ts'
import { stillThere } from './erasure/subjects.ts'
import { CORRECTED } from './outcome.ts'
import type { Request } from './request.ts'
import { handAnew } from './restrict.ts'
import { note, subjectsOf } from './rows.ts'
import type { Step } from './step.ts'

/** A correction that an officer accepted (GDPR art. 16, PIPL art. 46). */
export const CORRECTION_STEPS: readonly Step[] = [
  { name: 'correct', run: correct },
  { name: 'recipients', run: tell },
]

/**
 * What is stored is changed in place; modules that read any of it forget the person and are handed the events anew, so
 * that they hold what they would had it been told right from the beginning.
 */
async function correct(tx: Tx, deps: RightsDeps, request: Request): Promise<void> {
  const { allDestinationIds, destinationIds } = deps.active()
  const changes = (await readContent(tx, deps.keyring, request.id, 'changes')) ?? []
  await lockRestriction(tx, allDestinationIds)
  const subjects = await stillThere(tx, await subjectsOf(tx, request.id))
  await lockSubjects(tx, subjects)
  let count = await correctContacts(tx, deps, subjects, changes)
  const readers = new Map<string, SubjectId[]>()
  for (const subject of subjects) {
    const made = await correctContent(tx, deps, subject, changes)
    count += made.count
    for (const name of made.readers) readers.set(name, [...(readers.get(name) ?? []), subject])
  }
  for (const [name, whose] of readers) {
    const id = destinationIds.get(name)
    if (id !== undefined) await learnAnew(tx, whose, id)
  }
  const touched = new Set([...readers.values()].flat())
  if (touched.size > 0) await repeatLinks(tx, deps.active(), [...touched].sort())
  await note(tx, request.id, { actor: 'weir', what: CORRECTED, more: String(count) })
  await appendEntriesAbout(tx, deps, [
    {
      actor: 'weir',
      action: 'request.correct',
      resource: `request:${request.id}`,
      purpose: 'rights',
      outcome: 'done',
      about: subjects.map((subject) => ({ subject })),
      more: { by: 'person', count },
    },
  ])
}

/** Delivery erases first and hands over then: both are ordered while it waits. */
async function learnAnew(tx: Tx, subjects: readonly SubjectId[], destination: number): Promise<void> {
  await tx.$client.query(
    `insert into weir.purge (subject_id, destination_id)
     select s, d from unnest($1::uuid[]) as s, unnest($2::smallint[]) as d order by s, d
     on conflict (subject_id, destination_id) do nothing`,
    [uuidArray(subjects), int2Array([destination])],
  )
  await handAnew(tx, subjects, { destinations: [destination], code: 'corrected' })
}

/** Who received what was wrong is told what is right (GDPR art. 19), and of nothing else. */
async function tell(tx: Tx, deps: RightsDeps, request: Request): Promise<void> {
  const changes = (await readContent(tx, deps.keyring, request.id, 'changes')) ?? []
  const subjects = await subjectsOf(tx, request.id)
  await tellRecipients(tx, deps, { request: request.id, kind: 'correction', subjects, changes, byField: true })
}
