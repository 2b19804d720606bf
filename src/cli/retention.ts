import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { type Config, readConfig } from '../config.ts'
import { openDatabase } from '../db/database.ts'
import { explained } from '../db/explained.ts'
import { pendingMigrations } from '../db/migrate.ts'
import { type Db, openPool } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import { openKeyring } from '../keys/keyring.ts'
import { openKeyProvider } from '../keys/open.ts'
import { attribution } from '../modules/attribution/attribution.ts'
import { recommendation } from '../modules/recommendation/recommendation.ts'
import { createPseudonymisers } from '../pipeline/pseudonymisers.ts'
import { loadPolicy } from '../policy/load.ts'
import { readDestinationIds } from '../policy/registry.ts'
import { measureDrift, violationsOf } from '../retention/drift.ts'
import type { Forgetful } from '../retention/expire-idle.ts'
import { fuseWords, makePlan } from '../retention/plan.ts'
import { readRuling, underDraft } from '../retention/ruling.ts'
import { type Ran, type RunDeps, runDue } from '../retention/run.ts'
import type { Ruling } from '../retention/stores.ts'
import { answer, type CommonOptions, columns, commandLog, example, showProgress } from './output.ts'

interface ClockOptions extends CommonOptions {
  readonly now?: string
}

interface PlanOptions extends ClockOptions {
  readonly policy?: string
}

interface RunOptions extends CommonOptions {
  readonly plan: string
  readonly liftFuse?: string
}

const MODULES = [attribution, recommendation]
const NOW = '--now <time>'
const NOW_HELP = 'as if it were then (ISO 8601); in development mode only'

export function register(command: Command): void {
  command
    .command('plan')
    .description('what falls due now, by class; changes nothing')
    .option(NOW, NOW_HELP)
    .option('--policy <path>', 'as if this policy file, or the one of this directory, were active; nothing is stored')
    .addHelpText(
      'after',
      example('npm run -s weir -- retention plan', 'npm run -s weir -- retention plan --policy draft.policy.yaml'),
    )
    .action(plan)
  command
    .command('run')
    .description('do what a plan says; refused where that is not what would be done any more')
    .requiredOption('--plan <hash>', 'the hash that `weir retention plan` printed')
    .option('--lift-fuse <id>', 'the request by which two officers let it run although too much of a store would go')
    .addHelpText('after', example('npm run -s weir -- retention run --plan 3f1c…'))
    .action(run)
  command
    .command('drift')
    .description('the oldest row of every store against the policy; exit code 1 where one is older than allowed')
    .option(NOW, NOW_HELP)
    .addHelpText('after', example('npm run -s weir -- retention drift --json'))
    .action(drift)
}

async function plan(options: PlanOptions): Promise<void> {
  const draft = options.policy === undefined ? undefined : (await loadPolicy(options.policy)).policy
  await withRuling(options.now, async ({ db, ruling }) => {
    const made = await makePlan(db, draft === undefined ? ruling : underDraft(ruling, draft))
    const isDraft = made.policy !== ruling.policy.fingerprint
    const heads = ['class', 'action', 'counted from', 'rows', 'oldest', 'partitions']
    const rows = made.classes.map((one) => [
      one.class,
      one.action,
      one.anchor,
      `${one.rows}${one.blown ? ` (fuse: ${fuseWords(one)})` : ''}`,
      one.oldest ?? '',
      one.partitions.length === 0 ? '' : String(one.partitions.length),
    ])
    const runnable = !isDraft && options.now === undefined
    const head = `Plan of ${made.day}, by policy ${made.policy}`
    const next = runnable
      ? `${head}. To do it:\n  weir retention run --plan ${made.hash}`
      : `${head}, ${isDraft ? ONLY_DRAFT : ONLY_LOOKED_AT}`
    answer(options, { ...made, runnable }, `${columns(heads, rows)}\n\n${next}`)
  })
}

const ONLY_DRAFT =
  'which is not active: nothing was stored, and this plan cannot be run before a start with that policy.'
const ONLY_LOOKED_AT = 'is a plan of another time: it is only looked at. One without --now can be run.'

async function run(options: RunOptions): Promise<void> {
  const { liftFuse } = options
  await withRuling(undefined, async (context) => {
    const { db, ruling } = context
    const destinationIds = await readDestinationIds(db)
    const progress = showProgress('taking what is due')
    const stopping = new AbortController()
    process.once('SIGINT', () => stopping.abort())
    const deps: RunDeps = {
      db,
      ruling,
      destinationIds,
      destinations: () => pseudonymised(context, destinationIds),
      forget: () => undefined, // no event is opened in this process; the gateway asks for the subject under its lock
      actor: 'cli',
      signal: stopping.signal,
      progress,
    }
    const ran = await runDue(deps, { expected: options.plan, ...(liftFuse === undefined ? {} : { liftFuse }) })
    if (ran === undefined) throw new AppError('conflict', 'another run of retention is under way: wait for its end')
    if (!ran.finished) process.exitCode = 1
    const { plan: done, resumed, taken, left, finished } = ran
    answer(options, { plan: done.hash, resumed, taken, left, finished }, wording(ran))
  })
}

function wording({ taken, left, resumed, finished }: Ran): string {
  const steps = Object.entries(taken).map(([step, rows]) => {
    const [name = '', action = ''] = step.split(':')
    return [name, action, String(rows)]
  })
  return [
    ...(finished ? [] : ['Stopped in between: the next run goes on from there.']),
    ...(resumed ? ['Went on with a run that had been broken off.'] : []),
    steps.length === 0 ? 'Nothing was due.' : columns(['class', 'action', 'rows'], steps),
    ...left.map((part) => `${part} is being read all the time: the next run takes it`),
  ].join('\n')
}

async function drift(options: ClockOptions): Promise<void> {
  await withRuling(options.now, async ({ db, ruling }) => {
    const stores = await measureDrift(db, ruling, { thorough: true })
    const violations = violationsOf(stores)
    if (violations.length > 0) process.exitCode = 1
    const rows = violations.map((one) => [one.class, one.action, one.oldest ?? '', one.due ?? ''])
    const found = columns(['class', 'action', 'oldest', 'ought to be gone since'], rows)
    const nothing = `Nothing is older than the policy allows (${stores.length} looks).`
    answer(options, { violations, stores }, violations.length === 0 ? nothing : found)
  })
}

interface Context {
  readonly config: Config
  readonly db: Db
  readonly ruling: Ruling
}

/** With the rights of the gateway, and by the policy that decides in the database, whatever the file says by now. */
async function withRuling<T>(now: string | undefined, work: (context: Context) => Promise<T>): Promise<T> {
  const { config, secrets } = readConfig()
  const clock = clockOf(config, now)
  if (secrets.databaseUrl === undefined) await refuseMissing(config.dataDir)
  const database = await openDatabase(config, secrets, commandLog(config.log.level))
  try {
    const db = openPool({ ...database.app, max: 4, applicationName: 'weir-retention' })
    try {
      return await explained(async () => {
        if ((await pendingMigrations(db)) > 0) throw new AppError('conflict', 'migrations wait: run weir migrate')
        return work({ config, db, ruling: await readRuling(db, { modules: MODULES, now: clock }) })
      })
    } finally {
      await db.$client.end()
    }
  } finally {
    await database.stop()
  }
}

const ISO = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/

function clockOf({ mode }: Config, now: string | undefined): number {
  if (now === undefined) return Date.now()
  if (mode === 'production') throw new AppError('invalid', '--now moves the clock in development mode only')
  const time = ISO.test(now) ? Date.parse(now) : Number.NaN
  if (Number.isNaN(time)) throw new AppError('invalid', '--now takes a time such as 2027-01-31 or 2027-01-31T12:00:00Z')
  return time
}

async function refuseMissing(dataDir: string): Promise<void> {
  const found = await lstat(join(dataDir, 'postgres')).catch(() => undefined)
  if (found === undefined) {
    throw new AppError('conflict', `no database is under ${dataDir}: start Weir first, or set DATABASE_URL`)
  }
}

/** Modules under their pseudonyms: who is forgotten here is forgotten there. Opens the keys. */
async function pseudonymised(
  { db, config }: Context,
  destinationIds: ReadonlyMap<string, number>,
): Promise<readonly Forgetful[]> {
  const keyring = await openKeyring(db, await openKeyProvider({ ...config.keys, mode: config.mode }))
  const pseudonymisers = createPseudonymisers(keyring)
  return MODULES.flatMap((module) => {
    const destinationId = destinationIds.get(module.name)
    return destinationId === undefined ? [] : [{ destinationId, module, keyring, pseudonymisers, now: Date.now }]
  })
}
