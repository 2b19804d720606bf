import { readFile, writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { CASE_ID } from '../audit/entry.ts'
import { AppError } from '../errors.ts'
import type { JsonObject } from '../event/event.ts'
import type { IncidentAct, IncidentScope, IncidentsApi, NoticeAsked } from '../http/incidents-api.ts'
import { SCOPES, WHOM } from '../incidents/incident.ts'
import { LAWS } from '../policy/compiled.ts'
import { withIncidents } from './incident-files.ts'
import { incidentText, listText } from './incident-text.ts'
import { answer, type CommonOptions, example } from './output.ts'

const WEIR = 'npm run -s weir -- incident'
const BY = { kind: 'cli', id: '' } as const

/** `weir incident`: what happened, whom it touches, which clock runs, what is written to whom. */
export function register(command: Command): void {
  registerOpen(command.command('open'))
  registerList(command.command('list'))
  registerShow(command.command('show'))
  registerCount(command.command('count'))
  registerTold(command.command('told'))
  registerNote(command.command('note'))
  registerClose(command.command('close'))
  registerNotice(command.command('notice'))
}

interface OpenOptions extends CommonOptions {
  readonly destination?: string
  readonly export?: string
  readonly key?: string
  readonly officer?: string
  readonly from?: string
  readonly to?: string
  readonly knownAt?: string
  readonly case: string
  readonly note?: string
  readonly criticalInfrastructure?: boolean
  readonly highRisk?: boolean
}

function registerOpen(open: Command): void {
  open
    .description('count whom it touches, start the clocks, and keep a file of it')
    .option('--destination <name>', 'what this recipient may have got')
    .option('--export <id>', 'whom an entry of the audit log is about: its index, or a resource')
    .option('--key <class/kid>', 'what this key protects, as weir keys status lists it')
    .option('--officer <id>', 'whom the entries of this officer are about')
    .option('--from <time>', 'when it began (ISO 8601 with its zone)')
    .option('--to <time>', 'when it ended')
    .option('--known-at <time>', 'when somebody found out: the clocks run from then; now without it')
    .requiredOption('--case <text>', 'number of the case, such as INC-7; stands in the audit log for good')
    .option('--note <text>', 'what is known, in words; kept sealed')
    .option('--critical-infrastructure', 'of an operator of critical information infrastructure: 1 h, not 4')
    .option('--high-risk', 'a high risk to people’s rights and freedoms (GDPR art. 34)')
    .addHelpText('after', '\nEntered in the audit log before it counts. Phone numbers are opened for their countries.')
    .addHelpText(
      'after',
      example(`${WEIR} open --destination attribution --from 2026-11-20T00:00:00Z --case INC-7 --json`),
    )
    .action(async (options: OpenOptions) => {
      const asked = {
        by: BY,
        scope: scopeOf(options),
        caseId: caseOf(options.case),
        ...timed('knownAt', '--known-at', options.knownAt),
        ...(options.note === undefined ? {} : { note: options.note }),
        critical: options.criticalInfrastructure === true,
        highRisk: options.highRisk === true,
      }
      await show(options, (incidents) => incidents.open(asked))
    })
}

function scopeOf(options: OpenOptions): IncidentScope {
  const given = SCOPES.flatMap((kind) => (options[kind] === undefined ? [] : [{ kind, target: options[kind] }]))
  const [scope] = given
  if (scope === undefined || given.length > 1) {
    throw new AppError('invalid', 'say one of --destination, --export, --key, --officer')
  }
  return { ...scope, ...timed('from', '--from', options.from), ...timed('to', '--to', options.to) }
}

function caseOf(text: string): string {
  if (CASE_ID.test(text)) return text
  throw new AppError(
    'invalid',
    '--case is a number, with letters around it if need be, such as INC-7; what is personal goes into --note',
  )
}

const TIME = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/

function timed<K extends string>(name: K, option: string, text: string | undefined): { [key in K]?: number } {
  if (text === undefined) return {}
  const ms = TIME.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(ms) || ms < 0) {
    throw new AppError(
      'invalid',
      `${option} is a time with its zone, such as 2026-11-20T08:00:00+08:00, or a day in UTC`,
    )
  }
  return { [name]: ms } as { [key in K]?: number }
}

function registerList(list: Command): void {
  list
    .description('every incident, newest first')
    .option('--open', 'only those that are not closed')
    .addHelpText('after', example(`${WEIR} list --open`))
    .action(async (options: CommonOptions & { readonly open?: boolean }) => {
      const filter = options.open === true ? ({ state: 'open' } as const) : {}
      const found = await withIncidents((incidents) => incidents.list({ by: BY, limit: 500, ...filter }))
      answer(options, found, listText(found))
    })
}

function registerShow(command: Command): void {
  command
    .description('counts, clocks and what was done, with the notes')
    .argument('<id>', 'of the incident')
    .addHelpText('after', example(`${WEIR} show 5c2f… --json`))
    .action((id: string, options: CommonOptions) =>
      show(options, (incidents) => incidents.show({ by: BY, id: idOf(id) })),
    )
}

function registerCount(command: Command): void {
  command
    .description('count again; the counts before stay in the file')
    .argument('<id>', 'of the incident')
    .addHelpText('after', example(`${WEIR} count 5c2f…`))
    .action((id: string, options: CommonOptions) => act(options, id, { kind: 'counted' }))
}

interface ToldOptions extends CommonOptions {
  readonly to: string
  readonly law: string
  readonly at?: string
  readonly note?: string
}

function registerTold(command: Command): void {
  command
    .description('enter that an authority, or the people, were told: stops that clock')
    .argument('<id>', 'of the incident')
    .requiredOption('--to <whom>', WHOM.join(', '))
    .requiredOption('--law <law>', LAWS.join(', '))
    .option('--at <time>', 'when; now without it')
    .option('--note <text>', 'how, and under which number; kept sealed')
    .addHelpText('after', example(`${WEIR} told 5c2f… --to authority --law PIPL --at 2026-11-22T10:30:00+08:00`))
    .action((id: string, { to, law, at, note, ...options }: ToldOptions) =>
      act(options, id, {
        kind: 'told',
        to: oneOf(WHOM, '--to', to),
        law: oneOf(LAWS, '--law', law),
        ...timed('at', '--at', at),
        ...(note === undefined ? {} : { note }),
      }),
    )
}

function registerNote(command: Command): void {
  command
    .description('add a note; kept sealed')
    .argument('<id>', 'of the incident')
    .argument('[text]', 'the note')
    .option('--file <file>', 'read it from a file, so that it stands in no history of a shell')
    .addHelpText('after', example(`${WEIR} note 5c2f… --file found.txt`))
    .action(async (id: string, text: string | undefined, options: CommonOptions & { readonly file?: string }) => {
      const note = options.file === undefined ? text : await readFile(options.file, 'utf8')
      if (note === undefined || note === '') throw new AppError('invalid', 'say what to note: a text, or --file')
      await act(options, id, { kind: 'note', note })
    })
}

function registerClose(command: Command): void {
  command
    .description('close the file: it is kept for three years from now')
    .argument('<id>', 'of the incident')
    .option('--note <text>', 'why nobody is told, where a clock still waits; kept sealed')
    .addHelpText('after', example(`${WEIR} close 5c2f…`))
    .action((id: string, options: CommonOptions & { readonly note?: string }) =>
      act(options, id, { kind: 'closed', ...(options.note === undefined ? {} : { note: options.note }) }),
    )
}

interface NoticeOptions extends CommonOptions {
  readonly to: string
  readonly law: string
  readonly lang: string
  readonly out?: string
}

const LANGUAGES = ['zh-CN', 'en'] as const

function registerNotice(command: Command): void {
  command
    .description('draft what is written to an authority, or to people; sends nothing')
    .argument('<id>', 'of the incident')
    .requiredOption('--to <whom>', WHOM.join(', '))
    .requiredOption('--law <law>', LAWS.join(', '))
    .option('--lang <lang>', LANGUAGES.join(', '), 'zh-CN')
    .option('--out <file>', 'where to; without it on stdout')
    .addHelpText('after', example(`${WEIR} notice 5c2f… --to authority --law GDPR --lang en --out dpa.txt`))
    .action(async (id: string, options: NoticeOptions) => {
      const asked: NoticeAsked = {
        id: idOf(id),
        to: oneOf(WHOM, '--to', options.to),
        law: oneOf(LAWS, '--law', options.law),
        lang: oneOf(LANGUAGES, '--lang', options.lang),
      }
      const text = await withIncidents((incidents) => incidents.notice({ by: BY, ...asked }))
      if (options.out !== undefined) await writeFile(options.out, text, { flag: 'wx' })
      const named = options.out === undefined ? { notice: text } : { file: options.out }
      answer(options, { ...asked, ...named }, options.out === undefined ? text.trimEnd() : `Wrote ${options.out}.`)
    })
}

function act(options: CommonOptions, id: string, wanted: IncidentAct): Promise<void> {
  return show(options, (incidents) => incidents.act({ by: BY, id: idOf(id), act: wanted }))
}

async function show(options: CommonOptions, work: (incidents: IncidentsApi) => Promise<JsonObject>): Promise<void> {
  const found = await withIncidents(work)
  answer(options, found, incidentText(found))
}

function idOf(id: string): string {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) return id.toLowerCase()
  throw new AppError('invalid', 'an incident is named by its id: weir incident list shows it')
}

function oneOf<T extends string>(all: readonly T[], option: string, text: string): T {
  const found = all.find((one) => one === text)
  if (found === undefined) throw new AppError('invalid', `${option} is one of ${all.join(', ')}`)
  return found
}
