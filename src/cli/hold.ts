import { open, rm } from 'node:fs/promises'
import type { Command } from 'commander'
import { CASE_ID } from '../audit/entry.ts'
import { AppError } from '../errors.ts'
import type { JsonObject } from '../event/event.ts'
import { AUTHORITY, type HoldsApi } from '../http/holds-api.ts'
import { exportHold } from '../rights/holds/export.ts'
import { createHolds } from '../rights/holds.ts'
import { collect, type IdentifierOptions, identifiersFrom } from './identifier-option.ts'
import { answer, type CommonOptions, columns, example } from './output.ts'
import { withRights } from './with-rights.ts'

const WEIR = 'npm run -s weir -- hold'
const BY = { kind: 'cli', id: '' } as const

/** `weir hold`: what a court or an office orders to be kept of one person. */
export function register(command: Command): void {
  registerPlace(command.command('place'))
  registerList(command.command('list'))
  registerExtend(command.command('extend'))
  registerRelease(command.command('release'))
  registerExport(command.command('export'))
}

interface PlaceOptions extends CommonOptions, IdentifierOptions {
  readonly authority: string
  readonly reference: string
  readonly class: readonly string[]
  readonly until: string
  readonly case: string
}

function registerPlace(place: Command): void {
  place
    .description('set aside a copy of what is held of one person, and what comes later with it')
    .option('--identifier <type=value>', 'whom', collect)
    .option('--identifier-file <file>', 'the same in a file, so that nothing personal stands in a list of processes')
    .requiredOption('--authority <name>', 'who ordered it, such as a court; never a person')
    .requiredOption('--reference <text>', 'the number of the authority’s own file')
    .requiredOption('--class <name>', 'a field class of the policy; several times for several', collect)
    .requiredOption('--until <day>', 'the day it ends by itself, within a year')
    .requiredOption('--case <text>', 'number of the case, such as LEGAL-7; stands in the audit log for good')
    .addHelpText(
      'after',
      example(
        `${WEIR} place --identifier user_id=u-1 --authority "Shanghai No. 1 Court" --reference 2026/HU-01/1234 --class order --until 2027-06-30 --case LEGAL-7`,
      ),
    )
    .action(async (options: PlaceOptions) => {
      const [identifier, more] = await identifiersFrom(options)
      if (identifier === undefined || more !== undefined) {
        throw new AppError('invalid', 'a hold is over one person: name one identifier')
      }
      const { authority, reference } = options
      if (!AUTHORITY.test(authority)) throw new AppError('invalid', '--authority names a court or an office')
      if (!CASE_ID.test(reference)) throw new AppError('invalid', '--reference is the number of the authority’s file')
      const asked = { identifier, authority, reference, scope: options.class, caseId: caseOf(options.case) }
      await show(options, (holds) => holds.place({ by: BY, ...asked, expiresOn: dayOf(options.until) }))
    })
}

function registerList(list: Command): void {
  list
    .description('every hold, newest first; they name nobody')
    .addHelpText('after', example(`${WEIR} list`))
    .action(async (options: CommonOptions) => {
      const found = await withHolds((holds) => holds.list({ by: BY, limit: 500 }))
      answer(options, found, listText(found.holds as JsonObject[]))
    })
}

interface ActOptions extends CommonOptions {
  readonly case: string
}

function registerExtend(extend: Command): void {
  extend
    .description('keep it for longer, a year from today at most')
    .argument('<id>', 'of the hold')
    .requiredOption('--until <day>', 'the day it ends then')
    .requiredOption('--case <text>', 'number of the case')
    .addHelpText('after', example(`${WEIR} extend 5c2f… --until 2027-12-31 --case LEGAL-7`))
    .action((id: string, options: ActOptions & { readonly until: string }) => {
      const asked = { by: BY, id: idOf(id), expiresOn: dayOf(options.until), caseId: caseOf(options.case) }
      return show(options, (holds) => holds.extend(asked))
    })
}

function registerRelease(release: Command): void {
  release
    .description('ask that it ends before its day: an officer approves it in the console')
    .argument('<id>', 'of the hold')
    .requiredOption('--case <text>', 'number of the case')
    .addHelpText('after', example(`${WEIR} release 5c2f… --case LEGAL-8`))
    .action((id: string, options: ActOptions) =>
      show(options, (holds) => holds.askRelease({ by: BY, id: idOf(id), caseId: caseOf(options.case) })),
    )
}

function registerExport(command: Command): void {
  command
    .description('write what a hold kept, for its authority; two officers have agreed to it before')
    .argument('<id>', 'of the hold')
    .requiredOption('--out <file>', 'where to; a new file, for your eyes only')
    .addHelpText('after', example(`${WEIR} export 5c2f… --out court.json`))
    .action(async (id: string, options: CommonOptions & { readonly out: string }) => {
      // The file before the look: an approval is good once.
      const file = await open(options.out, 'wx', 0o600)
      const exported = await withRights(({ rights }) => exportHold(rights, BY, idOf(id))).catch(async (error) => {
        await file.close()
        await rm(options.out)
        throw error
      })
      await file.writeFile(`${JSON.stringify(exported, null, 2)}\n`)
      await file.close()
      const records = exported.records.length
      answer(options, { file: options.out, records }, `Wrote ${records} records to ${options.out}.`)
    })
}

function withHolds<T>(work: (holds: HoldsApi) => Promise<T>): Promise<T> {
  return withRights(({ rights }) => work(createHolds(rights)))
}

async function show(options: CommonOptions, work: (holds: HoldsApi) => Promise<JsonObject>): Promise<void> {
  const hold = await withHolds(work)
  answer(options, hold, listText([hold]))
}

function listText(holds: readonly JsonObject[]): string {
  if (holds.length === 0) return 'There is no hold.'
  const rows = holds.map(({ id, state, authority, reference, scope, expiresOn, kept }) => {
    const records = (kept as { records: number }[]).reduce((sum, one) => sum + one.records, 0)
    return [id, state, expiresOn, records, (scope as string[]).join(' '), authority, reference].map(String)
  })
  return columns(['hold', 'state', 'until', 'records', 'classes', 'authority', 'file'], rows)
}

function caseOf(text: string): string {
  if (CASE_ID.test(text)) return text
  throw new AppError('invalid', '--case is the number of a case, such as LEGAL-7: no blank, no name')
}

function dayOf(text: string): string {
  if (/^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text))) return text
  throw new AppError('invalid', '--until is a day such as 2027-06-30')
}

function idOf(id: string): string {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) return id.toLowerCase()
  throw new AppError('invalid', 'a hold is named by its id: weir hold list shows it')
}
