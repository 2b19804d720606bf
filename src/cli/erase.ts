import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { CASE_ID } from '../audit/entry.ts'
import { recipientStates } from '../destinations/outbox.ts'
import { AppError } from '../errors.ts'
import { readContent } from '../rights/content.ts'
import { eraseNow } from '../rights/erasure/now.ts'
import { replayErasures } from '../rights/erasure/replay.ts'
import { proveUnlearned } from '../rights/prove.ts'
import { REGIMES } from '../rights/regimes.ts'
import { collect, type IdentifierOptions, identifiersFrom } from './identifier-option.ts'
import { answer, type CommonOptions, columns, example, showProgress } from './output.ts'
import { withRights } from './with-rights.ts'

const WEIR = 'npm run -s weir -- erase'

interface EraseOptions extends CommonOptions, IdentifierOptions {
  readonly case?: string
  readonly prove?: boolean
  readonly regime: string
  readonly language: 'zh-CN' | 'en'
  readonly out?: string
  readonly replay?: boolean
  readonly withoutLedger?: boolean
}

/** `weir erase`: the operator's door to an erasure, and doing again what a restored backup does not know of. */
export function register(command: Command): void {
  command
    .option('--identifier <type=value>', 'whom; several times for several (they are all erased)', collect)
    .option('--identifier-file <file>', 'the same, one a line, so that nothing personal stands in a list of processes')
    .option('--case <text>', 'number of the case, such as DSR-7; stands in the audit log for good')
    .option('--prove', 'hold the modules against a rebuild without the person')
    .option('--regime <name>', `law that the clocks run by: ${REGIMES.join(', ')}`, 'PIPL')
    .option('--language <code>', 'zh-CN or en: of what the person is written', 'zh-CN')
    .option('--out <file>', 'write the receipt there as well')
    .option('--replay', 'after a restore: erase again what was erased since the backup')
    .option('--without-ledger', 'with --replay: the ledger is lost or too old, and nobody was erased since the backup')
    .addHelpText(
      'after',
      '\nErases at once: no cooling-off, and no way back. What a law keeps is set aside and listed.',
    )
    .addHelpText('after', example(`${WEIR} --identifier user_id=u-1 --case DSR-7 --prove --json`, `${WEIR} --replay`))
    .action(async (options: EraseOptions) => {
      if (options.replay === true) await replay(options)
      else await erase(options)
    })
}

async function erase(options: EraseOptions): Promise<void> {
  const caseId = caseOf(options.case)
  const regime = REGIMES.find((one) => one === options.regime)
  if (regime === undefined) throw new AppError('invalid', `--regime is one of ${REGIMES.join(', ')}`)
  if (options.language !== 'zh-CN' && options.language !== 'en') {
    throw new AppError('invalid', '--language is zh-CN or en')
  }
  const { language } = options
  const named = await identifiersFrom(options)
  await withRights(async ({ rights }) => {
    const progress = showProgress('looking for what is left')
    const erased = await eraseNow(rights, {
      identifiers: named.map((one) => ({ ...one, verified: true })),
      caseId,
      regime,
      language,
      progress,
      ...(options.prove === true ? { prove: () => proveUnlearned(rights) } : {}),
    })
    const removed = (await readContent(rights.db, rights.keyring, erased.request, 'removed')) ?? []
    const retained = (await readContent(rights.db, rights.keyring, erased.request, 'manifest')) ?? []
    const salt = (await readContent(rights.db, rights.keyring, erased.request, 'salt')) ?? null
    const destinations = await recipientStates(rights.db, erased.request)
    if (options.out !== undefined) await writeFile(options.out, `${erased.receipt}\n`, { mode: 0o600 })
    const modules = removed.flatMap(({ store, rows }) =>
      store.startsWith('module:') ? [{ name: store.slice('module:'.length), rowsErased: rows }] : [],
    )
    const document = {
      request: erased.request,
      receipt: erased.receipt,
      salt,
      scan: { columns: erased.columns, hits: [] },
      modules: modules.map((one) => {
        const proved = erased.models.find(({ name }) => name === one.name)
        return options.prove === true ? { ...one, equalToRebuild: proved?.verified === true } : one
      }),
      destinations: destinations.map(({ destination, protocol, state }) => ({ id: destination, protocol, state })),
      retained,
    }
    if (options.prove === true && erased.models.some(({ verified }) => !verified)) process.exitCode = 1
    const rows = removed.map(({ store, rows: n, action }) => [store, action, String(n)])
    answer(
      options,
      document,
      [
        columns(['store', 'what', 'rows'], rows),
        `Looked for in ${erased.columns} columns: nothing is left.`,
        ...document.modules.map(({ name, ...one }) =>
          'equalToRebuild' in one
            ? `${name}: ${one.equalToRebuild ? 'as if they had never been there' : 'NOT the state of a rebuild'}`
            : name,
        ),
        ...retained.map(
          ({ class: name, ground, until, records }) => `${records} of ${name} stay until ${until}: ${ground}`,
        ),
        '',
        `Check code, for the person alone: with it they show that the receipt is theirs.\n${salt ?? 'gone'}`,
        '',
        ...(options.out === undefined ? [erased.receipt] : [`The receipt is in ${options.out}.`]),
      ].join('\n'),
    )
  })
}

async function replay(options: EraseOptions): Promise<void> {
  await withRights(async ({ rights }) => {
    const progress = showProgress('erasing again')
    const done = await replayErasures(rights, { withoutLedger: options.withoutLedger === true, progress })
    const said =
      done.erasures === 0
        ? `The database knows of every erasure. Looked into ${done.columns} columns.`
        : `${done.erasures} erasures done again (${done.subjects} subjects). Looked into ${done.columns} columns: nothing is left.`
    answer(options, done, said)
  })
}

function caseOf(text: string | undefined): string {
  if (text === undefined) throw new AppError('invalid', 'say why: --case DSR-7')
  if (CASE_ID.test(text)) return text
  throw new AppError('invalid', '--case is the number of a case, such as DSR-7: no blank, no name')
}
