import { appendEntriesAbout } from '../audit/log.ts'
import { recordChoice } from '../consent/ledger.ts'
import { orderPurges } from '../consent/purges.ts'
import { lockRestriction } from '../db/locks.ts'
import type { Tx } from '../db/pool.ts'
import { tellRecipients } from '../destinations/outbox.ts'
import { maskOf, PURPOSES, type PurposeMask, purposesIn } from '../event/purpose.ts'
import { readContent } from './content.ts'
import type { RightsDeps } from './deps.ts'
import { stillThere } from './erasure/subjects.ts'
import type { Request } from './request.ts'
import { note, subjectsOf } from './rows.ts'
import type { Step } from './step.ts'

/** A no to purposes, for good: it holds until the person says yes again (GDPR art. 21, PIPL art. 15 and 44). */
export const OBJECTION_STEPS: readonly Step[] = [
  { name: 'refuse', run: refuse },
  { name: 'recipients', run: tell },
]

/** No source told it: it came as a request. */
const NO_SOURCE = 0

/** A refusal like any other, in the ledger: with its commit nothing is handed over under these purposes any more. */
async function refuse(tx: Tx, deps: RightsDeps, request: Request): Promise<void> {
  const active = deps.active()
  const refused = await objectedTo(tx, deps, request)
  await lockRestriction(tx, active.allDestinationIds)
  const subjects = await stillThere(tx, await subjectsOf(tx, request.id))
  if (subjects.length === 0 || refused === 0) {
    // For an identifier that nobody has nobody is made.
    return note(tx, request.id, { actor: 'weir', what: 'refused-purposes', more: '0' })
  }
  const choice = { granted: 0, refused, claimedAt: undefined, receivedAt: deps.now() }
  await recordChoice(tx, subjects, choice, {
    evidence: 'request',
    proof: 'request',
    sourceId: NO_SOURCE,
    policyVersion: active.compiled.version,
  })
  await orderPurges(tx, active, subjects, refused)
  await note(tx, request.id, { actor: 'weir', what: 'refused-purposes', more: String(purposesIn(refused).length) })
  await appendEntriesAbout(tx, deps, [
    {
      actor: 'weir',
      action: 'request.object',
      resource: `request:${request.id}`,
      purpose: 'rights',
      outcome: 'done',
      about: subjects.map((subject) => ({ subject })),
      more: { by: 'person', purposes: purposesIn(refused) },
    },
  ])
}

/** The purposes that were named, or all that rest on consent; what a contract or a duty needs cannot be objected to. */
async function objectedTo(tx: Tx, { keyring, active }: RightsDeps, request: Request): Promise<PurposeMask> {
  const named = (await readContent(tx, keyring, request.id, 'purposes')) ?? []
  const { needsConsent } = active().compiled
  if (named.length === 0) return needsConsent
  return maskOf(PURPOSES.filter((purpose) => named.includes(purpose))) & needsConsent
}

/** Recipients of these purposes, and those that serve none that the policy knows. */
async function tell(tx: Tx, deps: RightsDeps, request: Request): Promise<void> {
  const { compiled, destinationIds } = deps.active()
  const refused = await objectedTo(tx, deps, request)
  if (refused === 0) return
  const others = compiled.destinations.filter(({ purpose }) => (refused & maskOf([purpose])) === 0)
  const { rows } = await tx.$client.query<{ destination_id: number }>(
    'select destination_id from weir.destination where not (destination_id = any($1::smallint[]))',
    [others.flatMap(({ name }) => destinationIds.get(name) ?? [])],
  )
  const subjects = await subjectsOf(tx, request.id)
  const only = rows.map((row) => row.destination_id)
  await tellRecipients(tx, deps, { request: request.id, kind: 'objection', subjects, only })
}
