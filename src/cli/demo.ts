import { join } from 'node:path'
import type { Command } from 'commander'
import { environmentWith, localeOf, readConfig } from '../config.ts'
import { makeFolder } from '../db/embedded/home.ts'
import { runDemo } from '../demo/run.ts'
import { type Lang, langOf } from '../demo/words.ts'
import { AppError } from '../errors.ts'
import { whenParentGoes } from '../parent.ts'
import { type CommonOptions, example } from './output.ts'

interface DemoOptions extends CommonOptions {
  readonly dataDir?: string
  readonly exit?: boolean
  readonly lang?: string
  readonly seed: string
}

const SEED = '20261101'
const DAY_MS = 86_400_000

export function register(command: Command): void {
  command
    .option('--data-dir <dir>', 'a new folder that is kept; else a temporary one, removed at the end')
    .option('--exit', 'end when everything is shown, also on a terminal')
    .option('--lang <lang>', 'zh or en (default: as LC_ALL or LANG says)')
    .option('--seed <number>', 'of the sample shop: the same seed gives the same shop', SEED)
    .addHelpText('after', example('npm run demo', 'npm run -s demo -- --lang zh', 'npm run -s demo -- --json --exit'))
    .action(async (options: DemoOptions) => {
      const lang = options.lang === undefined ? langOf(localeOf()) : chosenLang(options.lang)
      const { config } = readConfig(demoEnvironment({}))
      const stop = interrupted(config.startedByNpm)
      await runDemo({
        lang,
        seed: seedOf(options.seed),
        lastDay: new Date(Date.now() - DAY_MS).toISOString().slice(0, 10),
        dataDir: options.dataDir,
        port: config.http.port,
        stays: process.stdin.isTTY && options.exit !== true,
        json: options.json === true,
        environment: ({ dataDir, port }) =>
          demoEnvironment({ WEIR_DATA_DIR: dataDir, WEIR_PORT: String(port), WEIR_ENDS_WITH: String(process.pid) }),
        makeFolder: (path) => makeFolder(path),
        signal: stop,
        answer: (text) => process.stdout.write(text),
        tell: (text) => process.stderr.write(text),
        terminal: process.stderr.isTTY,
        columns: { answer: () => process.stdout.columns, tell: () => process.stderr.columns },
      }).then(
        () => {
          process.exitCode = 0 // shown to the end; that Ctrl-C ended it was meant
        },
        (error: unknown) => {
          if (!stop.aborted) throw error
        },
      )
    })
}

function chosenLang(text: string): Lang {
  if (text !== 'zh' && text !== 'en') throw new AppError('invalid', '--lang is zh or en')
  return text
}

function seedOf(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new AppError('invalid', '--seed is a whole number of at most nine digits')
  return Number(text)
}

/**
 * The gateway of the demo is one for development, on this machine only, with the policy that comes with Weir: whatever
 * else the environment says is meant for another one, whose database above all this must never reach.
 */
function demoEnvironment(changes: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const unset = ['DATABASE_URL', 'NODE_ENV', ...OTHERS.map((name) => `WEIR_${name}`)]
  return environmentWith({
    ...Object.fromEntries(unset.map((name) => [name, undefined])),
    WEIR_MODE: 'development',
    WEIR_HOST: '127.0.0.1',
    WEIR_POLICY_DIR: join(import.meta.dirname, '..', '..', 'policies'),
    WEIR_LOG_LEVEL: 'error',
    ...changes,
  })
}

const OTHERS = 'PUBLIC_URL KEYS KEYS_PASSPHRASE_FILE SMTP_URL TRUST_PROXY WORKERS QUEUE_LIMIT DELIVERY'.split(' ')

/** Aborted by the first signal, or where npm that started us is gone. Further signals change nothing: it is ending. */
function interrupted(startedByNpm: boolean): AbortSignal {
  const stop = new AbortController()
  for (const [signal, code] of Object.entries(SIGNALS)) {
    process.on(signal, () => {
      if (!stop.signal.aborted) process.exitCode = code
      stop.abort()
    })
  }
  // A terminal that was closed, or a reader that left: what is started must be stopped all the same.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
  if (startedByNpm) whenParentGoes(process.ppid, () => stop.abort())
  return stop.signal
}

const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 }
