import { appendEntries } from '../audit/log.ts'
import type { Db, Tx } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import { AppError } from '../errors.ts'

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * Uses up the approval of lifting the fuse for the plan of this hash, and enters in the audit log for which steps it is
 * lifted: both or neither. Throws AppError conflict `fuse-not-approved`, which says what is missing.
 */
export async function liftFuse(
  db: Db,
  input: {
    /** Id of the request that was approved. */
    readonly approval: string
    /** Hash of the plan, hex. */
    readonly plan: string
    readonly steps: readonly string[]
    readonly actor: string
  },
): Promise<void> {
  const lifted = ID.test(input.approval) && (await transaction(db, (tx) => take(tx, input)))
  if (!lifted) throw notApproved(await missing(db, input))
}

async function take(tx: Tx, input: Parameters<typeof liftFuse>[1]): Promise<boolean> {
  const { approval, plan, steps, actor } = input
  const { rows } = await tx.$client.query<{ case_id: string }>(
    `update weir.disclosure set used = used + 1
     where disclosure_id = $1 and kind = 'retention-fuse' and plan_hash = $2 and decision = 'approved' and voided_at is null
       and used < reads and expires_at > clock_timestamp()
     returning case_id`,
    [approval, plan],
  )
  const [row] = rows
  if (row === undefined) return false
  await appendEntries(
    tx,
    steps.map((step) => ({
      actor,
      action: 'retention.fuse.lift',
      resource: `retention:${plan.slice(0, 16)}:${step}`,
      purpose: 'retention',
      caseId: row.case_id,
      outcome: 'done',
      more: { approval: `disclosure:${approval}` },
    })),
  )
  return true
}

/** What an operator does next. */
async function missing(
  db: Db,
  { approval, plan }: { readonly approval: string; readonly plan: string },
): Promise<string> {
  if (!(await hasOfficers(db))) return HOW_WITHOUT_OFFICERS
  if (!ID.test(approval)) return `--lift-fuse takes the id of a request that was approved. ${howToAsk(plan)}`
  return `this request is not an approval of this plan that is in force and unused: it holds once, for the minutes that it states. ${howToAsk(plan)}`
}

const HOW_WITHOUT_OFFICERS =
  'one officer asks for it and another approves, and there are none yet: weir officer add --email … --role compliance, and a second one'

/** How the fuse of a plan is lifted, in words for an operator. */
export function howToAsk(plan: string): string {
  return `An officer asks for it (POST /api/disclosures, kind retention-fuse, plan ${plan}) and another approves; then: weir retention run --plan ${plan} --lift-fuse ID`
}

/** The same, and where there is nobody to ask, how to add them. */
export async function howToLift(db: Db, plan: string): Promise<string> {
  return (await hasOfficers(db)) ? howToAsk(plan) : `${HOW_WITHOUT_OFFICERS}. ${howToAsk(plan)}`
}

/** Two are needed: nobody approves what they asked for. */
async function hasOfficers(db: Db): Promise<boolean> {
  const { rows } = await db.$client.query<{ enough: boolean }>(
    `select count(*) >= 2 and bool_or(role = 'compliance') as enough from weir.officer
     where disabled_at is null and role in ('compliance', 'auditor')`,
  )
  return rows[0]!.enough
}

function notApproved(what: string): AppError {
  return new AppError('conflict', `the fuse stays: ${what}`, { code: 'fuse-not-approved' })
}
