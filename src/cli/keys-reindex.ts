import type { Command } from 'commander'
import { dropUnread } from '../keys/close-index.ts'
import { type Reindexed, reindex } from '../keys/reindex.ts'
import { type Conflict, listConflicts, planReindex, type ReindexPlan } from '../keys/reindex-plan.ts'
import { answer, type CommonOptions, columns, example, showProgress } from './output.ts'
import { withKeys } from './with-keys.ts'

const LISTED = 100

/** weir keys reindex: what identifiers are found by, brought under the active root and the rules of this release. */
export function registerReindex(command: Command): void {
  command.description('find every identifier under the active root and rules; rows that nobody reads any more go')
  command.option('--plan', 'only say what would be done, by version')
  command.addHelpText(
    'after',
    example('npm run -s weir -- keys reindex --plan', 'npm run -s weir -- keys reindex --json'),
  )
  command.action((options: CommonOptions & { plan?: boolean }) =>
    withKeys(async (context) => {
      const { db } = context
      const keyring = await context.openKeyring()
      if (options.plan === true) {
        const plan = await planReindex({ db, keyring })
        answer(options, plan, planText(plan))
        return
      }
      const done = await reindex({ db, keyring }, { progress: showProgress('reindex') })
      const dropped = await dropUnread(db)
      const conflicts = await listConflicts(db, LISTED)
      if (done.unreadable > 0 || conflicts.length > 0) process.exitCode = 1
      answer(options, { ...done, dropped, listed: conflicts }, doneText(done, dropped, conflicts))
    }),
  )
}

function planText({ versions, missing, conflicts, unread }: ReindexPlan): string {
  const rows = versions.map((one) => [
    one.type,
    String(one.kid),
    String(one.normVersion),
    one.state,
    String(one.rows),
    String(one.missing),
    String(one.conflicts),
  ])
  const table = columns(['type', 'root', 'rules', 'state', 'rows', 'to write', 'conflicts'], rows)
  return `${table}\n\nTo write: ${missing}. To drop: ${unread}. In conflict: ${conflicts}.`
}

function doneText(done: Reindexed, dropped: number, conflicts: readonly Conflict[]): string {
  const lines = [`Wrote ${done.written} rows, dropped ${dropped}. Refused by the rules: ${done.refused}.`]
  if (done.unreadable > 0) lines.push(`${done.unreadable} rows do not open: damaged, or their subject's key is gone.`)
  if (conflicts.length > 0) {
    lines.push('', 'Of two people one identifier has become. Both are found as before; decide which of them it is:')
    lines.push(
      columns(
        ['type', 'subject', 'found instead'],
        conflicts.map((one) => [one.type, one.subject, one.holder]),
      ),
    )
  }
  return lines.join('\n')
}
