import type { Command } from 'commander'
import { CASE_ID } from '../audit/entry.ts'
import { transaction } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import { withCurrentIndex } from '../identity/stale-index.ts'
import { withActiveEpoch } from '../keys/subject-keys.ts'
import { withKnownRoots } from '../pipeline/pseudonymisers.ts'
import type { RightsDeps } from '../rights/deps.ts'
import { subjectsBehind } from '../rights/people.ts'
import type { Needles } from '../rights/request.ts'
import { needlesOf } from '../rights/scan/needles.ts'
import { scanDatabase } from '../rights/scan/scan.ts'
import { collect, type IdentifierOptions, identifiersFrom, type NamedIdentifier } from './identifier-option.ts'
import { answer, type CommonOptions, columns, example, showProgress } from './output.ts'
import { scanFilesNow } from './scan-files.ts'
import { withRights } from './with-rights.ts'

const WEIR = 'npm run -s weir -- scan'

interface ScanCommandOptions extends CommonOptions, IdentifierOptions {
  readonly case?: string
  readonly files?: boolean
  readonly full?: boolean
}

/** `weir scan`: looks for a person in every column, or for whom was erased in the files of the database. */
export function register(command: Command): void {
  command
    .option('--identifier <type=value>', 'whom; several times for several', collect)
    .option('--identifier-file <file>', 'the same, one a line, so that nothing personal stands in a list of processes')
    .option('--case <text>', 'number of the case, such as DSR-7; stands in the audit log for good')
    .option('--files', 'look through the database’s files for whom was erased since they were last looked through')
    .option('--full', 'with --files: rewrite tables that have something left (VACUUM FULL, which locks them): off-peak')
    .addHelpText(
      'after',
      '\nExits with 1 where something is found. Of somebody who is known something is; `leftOver` is what should not be there.',
    )
    .addHelpText('after', example(`${WEIR} --identifier user_id=u-1 --case DSR-7 --json`, `${WEIR} --files`))
    .action(async (options: ScanCommandOptions) => {
      if (options.files === true) await scanFilesNow(options)
      else await scanFor(options)
    })
}

async function scanFor(options: ScanCommandOptions): Promise<void> {
  const { case: caseId } = options
  if (caseId !== undefined && !CASE_ID.test(caseId)) {
    throw new AppError('invalid', '--case is the number of a case, such as DSR-7: no blank, no name')
  }
  const named = await identifiersFrom(options)
  await withRights(async ({ rights }) => {
    const { needles, people } = await needlesFor(rights, named)
    const found = await scanDatabase(rights.db, needles, { progress: showProgress('looking into every column') })
    await rights.audit.append({
      actor: 'cli',
      action: 'scan.run',
      resource: 'database',
      purpose: 'rights',
      outcome: 'done',
      ...(caseId === undefined ? {} : { caseId }),
      more: { columns: found.columns, hits: found.hits.length, people: people.length },
      about: people.map((subject) => ({ subject })),
    })
    // What is keyed stands in the rows of somebody who is known; a raw identifier never may.
    const leaked = people.length === 0 ? found : await scanDatabase(rights.db, { raw: needles.raw, keyed: [] })
    const wrong = new Set(leaked.hits.map(({ table, column }) => `${table}.${column}`))
    const { hits, columns: looked, coarse } = found
    const leftOver = hits.filter(({ table, column }) => wrong.has(`${table}.${column}`))
    if (hits.length > 0) process.exitCode = 1
    const document = { columns: looked, hits, known: people.length > 0, leftOver, coarse }
    const rows = hits.map((hit) => [hit.table, hit.column, leftOver.includes(hit) ? 'LEFT OVER' : 'of a known person'])
    const said = [`Looked into ${looked} columns: ${hits.length === 0 ? 'nothing' : `${hits.length} hold something`}.`]
    if (coarse) said.push('A part of what was looked for is so short that it was looked for as a whole value alone.')
    answer(
      options,
      document,
      hits.length === 0 ? said.join('\n') : [columns(['table', 'column', 'what it is'], rows), ...said].join('\n'),
    )
  })
}

async function needlesFor(
  rights: RightsDeps,
  named: readonly NamedIdentifier[],
): Promise<{ needles: Needles; people: Awaited<ReturnType<typeof subjectsBehind>> }> {
  const { db, keyring } = rights
  return withCurrentIndex(keyring, () =>
    withKnownRoots(keyring, () =>
      withActiveEpoch(keyring, () =>
        transaction(db, async (tx) => {
          const people = await subjectsBehind(
            tx,
            keyring,
            named.map((one) => ({ ...one, verified: true })),
          )
          const needles = await needlesOf(
            tx,
            { keyring, holders: rights.holders() },
            { subjects: people, identifiers: named },
          )
          return { needles, people }
        }),
      ),
    ),
  )
}
