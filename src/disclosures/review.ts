import { appendEntriesAbout } from '../audit/log.ts'
import { transaction } from '../db/transaction.ts'
import { withActiveEpoch } from '../keys/subject-keys.ts'
import { type DisclosureDeps, entryOf, orEnterRefusal } from './deps.ts'
import { obstacleError } from './obstacle.ts'
import { lockDisclosure, readDisclosure } from './rows.ts'
import { reviewObstacle } from './state.ts'

const ACTION = 'disclosure.review'

/** Another officer's word on an emergency, once. Throws AppError `own-request`, `no-emergency`, `not-over-yet`,
 * `reviewed-already`. */
export async function review(
  deps: DisclosureDeps,
  {
    id,
    officer,
    outcome,
  }: { readonly id: string; readonly officer: string; readonly outcome: 'justified' | 'not-justified' },
): Promise<void> {
  const before = await readDisclosure(deps.db, id)
  const refused = (code: string) =>
    entryOf(before, { officer, action: ACTION, outcome: 'refused', more: { refused: code } })
  await orEnterRefusal(deps, refused, () =>
    withActiveEpoch(deps.keyring, () =>
      transaction(deps.db, async (tx) => {
        const disclosure = await lockDisclosure(tx, id)
        const obstacle = reviewObstacle(disclosure, officer, deps.now())
        if (obstacle !== undefined) throw obstacleError(obstacle)
        await tx.$client.query(
          `update weir.disclosure set review = $2, reviewed_by = $3, reviewed_at = $4 where disclosure_id = $1`,
          [id, outcome, officer, new Date(deps.now())],
        )
        const more = { review: outcome, used: disclosure.used, askedBy: disclosure.askedBy }
        const entry = entryOf(disclosure, { officer, action: ACTION, outcome: 'done', more })
        await appendEntriesAbout(tx, { keyring: deps.keyring, now: deps.now }, [entry])
      }),
    ),
  )
}
