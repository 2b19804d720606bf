import { appendEntriesAbout } from '../audit/log.ts'
import type { Tx } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import type { JsonObject } from '../event/event.ts'
import type { ShownFactor } from '../http/disclosures-api.ts'
import { withActiveEpoch } from '../keys/subject-keys.ts'
import { queueMail } from '../mail/outbox.ts'
import { verifyApproval } from '../officers/approve.ts'
import type { FactorEvidence } from '../officers/factor.ts'
import { shapeOf } from './ask.ts'
import { type DisclosureDeps, entryOf, orEnterRefusal, requireDpo } from './deps.ts'
import { obstacleError } from './obstacle.ts'
import { requestHash } from './request.ts'
import { type Disclosure, lockDisclosure, readDisclosure } from './rows.ts'
import { approvalObstacle, expiryOf, refusalObstacle } from './state.ts'

interface Deciding {
  readonly id: string
  /** Who decides. */
  readonly officer: string
}

const APPROVERS = ['compliance', 'auditor']

/**
 * Approves a request with a second factor over its hash. The evidence stands in the audit log's leaf; the mail to the
 * data protection officer is queued in the same transaction. Throws AppError as `DisclosuresApi.approve` says.
 */
export async function approve(deps: DisclosureDeps, input: Deciding & { readonly shown: ShownFactor }): Promise<void> {
  requireDpo(deps)
  await decide(deps, input, 'disclosure.approve', async (tx, disclosure) => {
    const { officer, shown } = input
    const obstacle = approvalObstacle(disclosure, officer, deps.now())
    if (obstacle !== undefined) throw obstacleError(obstacle)
    if (shown === undefined) throw factorMissing()
    const role = await rolesOf(tx, disclosure, officer)
    const challenge = requestHash(disclosure)
    const evidence = await verifyApproval(deps.officers, tx, { officer, challenge, ...shown })
    const at = deps.now()
    await tx.$client.query(
      `update weir.disclosure set decision = 'approved', decided_by = $2, decided_role = $3, decided_at = $4, expires_at = $5
       where disclosure_id = $1`,
      [disclosure.id, officer, role, new Date(at), new Date(expiryOf(disclosure, at))],
    )
    await queueMail(tx, { kind: 'approved', disclosure: disclosure.id, at })
    return { ...shapeOf(disclosure), askedBy: disclosure.askedBy, ...evidenceOf(challenge, evidence) }
  })
  deps.mailWaits()
}

/** Refuses a request, or stops an emergency. */
export async function refuse(deps: DisclosureDeps, input: Deciding): Promise<void> {
  await decide(deps, input, 'disclosure.refuse', async (tx, disclosure) => {
    const { officer } = input
    const obstacle = refusalObstacle(disclosure, officer, deps.now())
    if (obstacle !== undefined) throw obstacleError(obstacle)
    await tx.$client.query(
      `update weir.disclosure set decision = 'refused', decided_by = $2, decided_at = $3,
         decided_role = (select role from weir.officer where officer_id = $2)
       where disclosure_id = $1`,
      [disclosure.id, officer, new Date(deps.now())],
    )
    return { ...shapeOf(disclosure), askedBy: disclosure.askedBy }
  })
}

/** One decision in one transaction, the entry with it. */
async function decide(
  deps: DisclosureDeps,
  { id, officer }: Deciding,
  action: string,
  work: (tx: Tx, disclosure: Disclosure) => Promise<JsonObject>,
): Promise<void> {
  const before = await readDisclosure(deps.db, id)
  const refused = (code: string) => entryOf(before, { officer, action, outcome: 'refused', more: { refused: code } })
  await orEnterRefusal(deps, refused, () =>
    withActiveEpoch(deps.keyring, () =>
      transaction(deps.db, async (tx) => {
        // Accounts first, as whoever disables one does: that changes their requests next.
        await tx.$client.query(
          'select from weir.officer where officer_id = any($1::uuid[]) order by officer_id for no key update',
          [[before.askedBy, officer]],
        )
        const disclosure = await lockDisclosure(tx, id)
        const more = await work(tx, disclosure)
        const entry = entryOf(disclosure, { officer, action, outcome: 'done', more })
        await appendEntriesAbout(tx, { keyring: deps.keyring, now: deps.now }, [entry])
      }),
    ),
  )
}

/** Both are who they have to be at this moment. @returns the role in which it is approved */
async function rolesOf(tx: Tx, { askedBy }: Disclosure, approver: string): Promise<string> {
  const { rows } = await tx.$client.query<{ id: string; role: string }>(
    'select officer_id as id, role from weir.officer where officer_id = any($1::uuid[]) and disabled_at is null',
    [[askedBy, approver]],
  )
  if (rows.find(({ id }) => id === askedBy)?.role !== 'compliance') throw obstacleError('request-void')
  const role = rows.find(({ id }) => id === approver)?.role
  if (role !== undefined && APPROVERS.includes(role)) return role
  throw new AppError('forbidden', `This needs the role ${APPROVERS.join(' or ')}.`, { code: 'role-missing' })
}

function factorMissing(): AppError {
  return new AppError('forbidden', 'Show a second factor: send assertion, or totp where you have no authenticator.', {
    code: 'factor-missing',
  })
}

/** The whole evidence: with it anybody can check that this authenticator signed this request. */
function evidenceOf(challenge: Buffer, evidence: FactorEvidence): JsonObject {
  return { request: challenge.toString('base64url'), evidence: { ...evidence } }
}
