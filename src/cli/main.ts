import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Command, CommanderError, Help, type Option } from 'commander'
import { AppError } from '../errors.ts'
import { describeError } from '../log.ts'

/** What a command's file exports: it adds arguments, options, examples and the action to a command made here. */
export interface CommandFile {
  register(command: Command): void
}

/**
 * Every command: its name, one line for `--help`, and its file, loaded only when it is called.
 * To add one: a file here that exports `register(command)`, and a row. `register` receives the command with name and
 * description set; it adds arguments, options, subcommands, `addHelpText('after', example(…))` and `action(…)`.
 * `--json` is added to every command without subcommands; the action finds it in its options and answers through
 * `answer` of output.ts. An action that throws ends the process with 1 (2 for an AppError of kind `invalid`).
 */
const commands: readonly (readonly [name: string, description: string, load: () => Promise<CommandFile>])[] = [
  ['start', 'run the gateway until it is told to stop', () => import('./start.ts')],
  ['demo', 'show what it does with a sample shop of synthetic people', () => import('./demo.ts')],
  ['policy', 'check the policy, explain what it decides', () => import('./policy.ts')],
  ['keys', 'make, roll, destroy, copy and check keys, and say the horizon', () => import('./keys.ts')],
  ['audit', 'verify, prove, export and sample the audit log; witness logs', () => import('./audit.ts')],
  [
    'incident',
    'count whom it touches, run the clocks, draft the notices, keep the file',
    () => import('./incident.ts'),
  ],
  ['access', 'write everything that is held of a person into a folder', () => import('./access.ts')],
  ['erase', 'erase a person at once, with a receipt; or again after a restore', () => import('./erase.ts')],
  ['hold', 'keep what an authority orders to be kept, and nothing else', () => import('./hold.ts')],
  ['retention', 'what falls due, taking it, and whether anything is overdue', () => import('./retention.ts')],
  ['migrate', 'apply the database migrations that this version needs', () => import('./migrate.ts')],
  ['source', 'add, change, list and revoke who may send events', () => import('./source.ts')],
  ['token', 'add, list and revoke bearer tokens and machines’ keys for /api', () => import('./token.ts')],
  [
    'recipient',
    'say how outside recipients are told of requests, and see whether they can be',
    () => import('./recipient.ts'),
  ],
  ['controller', 'let other systems send requests of people in', () => import('./controller.ts')],
  ['officer', 'make, list, reset and disable the accounts of officers', () => import('./officer.ts')],
  ['db-url', "print the running database's connection string, as its owner", () => import('./db-url.ts')],
  ['backup', 'copy the embedded database into an empty folder, while it runs', () => import('./backup.ts')],
  ['scan', 'look for a person in every column, for whom was erased in the files', () => import('./scan.ts')],
  ['verify-receipt', 'check the receipt of an erasure, offline', () => import('./verify-receipt.ts')],
  ['bench', 'measure, and hold the figures against the goals', () => import('./bench.ts')],
  ['restore', 'make the embedded database from such a copy', () => import('./restore.ts')],
]

/** Runs one command and sets the exit code: 0 done, 1 failed, 2 bad usage. */
export async function main(args: readonly string[]): Promise<void> {
  process.stdout.once('error', gone)
  try {
    const program = await build(args)
    await program.parseAsync([...args], { from: 'user' })
  } catch (error) {
    process.exitCode = exitCodeOf(error)
    const json = args.includes('--json')
    if (!(error instanceof CommanderError)) report(error, json)
    else if (json && error.exitCode !== 0) answerError('usage', usageOf(error)) // commander wrote to stderr only
  } finally {
    setImmediate(() => process.stdout.off('error', gone)) // what was written last fails after this
  }
}

/** `weir … | head`: who reads has read enough. */
function gone(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
}

async function build(args: readonly string[]): Promise<Command> {
  const program = new Command('weir')
    .description('A consent and data-protection gateway for e-commerce analytics')
    .usage('<command> [options]')
    .version(await version(), '-V, --version', 'print the version')
    .configureHelp({ showGlobalOptions: false, optionDescription: describeOption })
    .exitOverride()
  const asked = args[0] === 'help' ? args[1] : args[0]
  for (const [name, description, load] of commands) {
    const command = program.command(name).description(description)
    if (name === asked) (await load()).register(command)
    addJson(command)
  }
  program.addHelpText('after', '\nweir <command> --help says more, with an example.')
  return program
}

async function version(): Promise<string> {
  const file = join(import.meta.dirname, '..', '..', 'package.json')
  return (JSON.parse(await readFile(file, 'utf8')) as { version: string }).version
}

function describeOption(this: Help, option: Option): string {
  const text = Help.prototype.optionDescription.call(this, option)
  return option.mandatory ? `${text} (required)` : text
}

/** One JSON document on stdout, for every command that does something. */
function addJson(command: Command): void {
  command.exitOverride().showHelpAfterError('(--help says what it takes)')
  if (command.commands.length > 0) for (const inner of command.commands) addJson(inner)
  else command.option('--json', 'answer with one JSON document on stdout')
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  return error instanceof AppError && error.kind === 'invalid' ? 2 : 1
}

function report(error: unknown, json: boolean): void {
  const known = error instanceof AppError
  const message = known ? error.message : 'internal error'
  process.stderr.write(known ? `weir: ${message}\n` : `weir: internal error ${JSON.stringify(describeError(error))}\n`)
  if (json) answerError(known ? error.code : 'internal', message)
}

function answerError(code: string, message: string): void {
  process.stdout.write(`${JSON.stringify({ error: { code, message } })}\n`)
}

/** Where a command is missing, commander shows the help and has no words of its own, or takes --json for the mistake. */
function usageOf({ code, message }: CommanderError): string {
  const missing = code === 'commander.help' || message.endsWith("'--json'")
  return missing ? 'say which command: --help lists them' : message.replace(/^error: /, '')
}
