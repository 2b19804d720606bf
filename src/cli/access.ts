import { chmod, mkdir, open, readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { CASE_ID } from '../audit/entry.ts'
import { AppError } from '../errors.ts'
import type { SubjectId } from '../event/ids.ts'
import { withCurrentIndex } from '../identity/stale-index.ts'
import { openAccess } from '../rights/access/collect.ts'
import { type ExportFile, exportFiles } from '../rights/access/files.ts'
import type { RightsDeps } from '../rights/deps.ts'
import { subjectsBehind } from '../rights/people.ts'
import { collect, type IdentifierOptions, identifiersFrom, type NamedIdentifier } from './identifier-option.ts'
import { answer, type CommonOptions, columns, example, showProgress } from './output.ts'
import { withRights } from './with-rights.ts'

const WEIR = 'npm run -s weir -- access'

interface AccessOptions extends CommonOptions, IdentifierOptions {
  readonly out: string
  readonly case?: string
  readonly language: string
  readonly portability?: boolean
}

/** `weir access`: everything that is held of a person, written into a folder, for who answers them in another way. */
export function register(command: Command): void {
  command
    .option('--identifier <type=value>', 'whom; several times for several that are one person', collect)
    .option('--identifier-file <file>', 'the same, one a line, so that nothing personal stands in a list of processes')
    .requiredOption('--out <dir>', 'folder to make, for you alone; it must be empty or not there')
    .option('--case <text>', 'number of the case, such as DSR-7; stands in the audit log for good')
    .option('--language <code>', 'zh-CN or en: of the page', 'zh-CN')
    .option('--portability', 'only what the person provided, for another service to take in')
    .addHelpText(
      'after',
      '\nEntered in the audit log, about the person, before anything is opened. The files are in clear: hand them over\n' +
        'encrypted, to somebody who proved who they are, and delete them. What stands in a command line can be seen by others\n' +
        'on this machine, and stays in the shell’s history: prefer --identifier-file.',
    )
    .addHelpText('after', example(`${WEIR} --identifier-file whom.txt --case DSR-7 --out ./copy --json`))
    .action(access)
}

async function access(options: AccessOptions): Promise<void> {
  const { language, case: caseId } = options
  if (language !== 'zh-CN' && language !== 'en') throw new AppError('invalid', '--language is zh-CN or en')
  if (caseId !== undefined && !CASE_ID.test(caseId)) {
    throw new AppError('invalid', '--case is the number of a case, such as DSR-7: no blank, no name')
  }
  const named = await identifiersFrom(options)
  const dir = resolve(options.out)
  await refuseFull(dir)
  await withRights(async ({ rights }) => {
    const subjects = await subjectsOf(rights, named)
    const source = await openAccess(rights, {
      subjects,
      requestId: undefined,
      entry: { actor: 'cli', resource: 'person', ...(caseId === undefined ? {} : { caseId }) },
    })
    const right = options.portability === true ? 'portability' : 'access'
    const files = exportFiles(source, { right, format: 'all', language })
    await makeFolder(dir)
    const progress = showProgress('writing what is held')
    for (const [i, file] of files.entries()) {
      await writeOne(dir, file)
      progress(i + 1, files.length)
    }
    const { stores } = source.head.completeness
    const counts = Object.fromEntries(stores.map(({ store, rows }) => [store, rows]))
    const names = files.map(({ name }) => name)
    const rows = stores.map(({ store, rows: n, en }) => [store, String(n), en])
    const nobody = subjects.length === 0 ? '\nNobody is known by that: the files say so.' : ''
    const text = `${columns(['store', 'rows', 'what it is'], rows)}\n\nWrote ${names.length} files to ${dir}.${nobody}`
    answer(options, { dir, files: names, counts }, text)
  })
}

function subjectsOf({ db, keyring }: RightsDeps, named: readonly NamedIdentifier[]): Promise<SubjectId[]> {
  const identifiers = named.map((one) => ({ ...one, verified: true })) // the operator vouches, in the audit log
  return withCurrentIndex(keyring, () => subjectsBehind(db, keyring, identifiers))
}

async function refuseFull(dir: string): Promise<void> {
  const found = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw new AppError('invalid', '--out must be a folder that can be read', { cause: error })
  })
  if (found.length > 0) throw new AppError('invalid', '--out must be an empty folder, or none yet')
}

async function makeFolder(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  await chmod(dir, 0o700) // one that was there may be open to others
}

/** Nobody else reads it; a file that came there meanwhile is not written over. */
async function writeOne(dir: string, { name, content }: ExportFile): Promise<void> {
  const file = await open(join(dir, name), 'wx', 0o600)
  try {
    for await (const piece of content()) await file.write(piece)
  } finally {
    await file.close()
  }
}
