import { appendEntriesAbout } from '../audit/log.ts'
import type { Tx } from '../db/pool.ts'
import { tellRecipients } from '../destinations/outbox.ts'
import type { RightsDeps } from './deps.ts'
import { stillThere } from './erasure/subjects.ts'
import type { Request } from './request.ts'
import { restrict } from './restrict.ts'
import { subjectsOf } from './rows.ts'
import type { Step } from './step.ts'

/**
 * What is held is kept and used for nothing (GDPR art. 18, PIPL art. 47), until it is lifted: the request completes, the
 * restriction stays.
 */
export const RESTRICTION_STEPS: readonly Step[] = [
  { name: 'restrict', run: restrictAll },
  { name: 'recipients', run: tell },
]

async function restrictAll(tx: Tx, deps: RightsDeps, request: Request): Promise<void> {
  const subjects = await stillThere(tx, await subjectsOf(tx, request.id))
  await restrict(tx, deps, { request: request.id, subjects, now: deps.now() })
  await appendEntriesAbout(tx, deps, [
    {
      actor: 'weir',
      action: 'request.restrict',
      resource: `request:${request.id}`,
      purpose: 'rights',
      outcome: 'done',
      about: subjects.map((subject) => ({ subject })),
      more: { by: 'person' },
    },
  ])
}

async function tell(tx: Tx, deps: RightsDeps, request: Request): Promise<void> {
  const subjects = await subjectsOf(tx, request.id)
  await tellRecipients(tx, deps, { request: request.id, kind: 'restriction', subjects })
}
