import type { Command } from 'commander'
import { readConfig } from '../config.ts'
import { openDatabase } from '../db/database.ts'
import { explained } from '../db/explained.ts'
import { pendingMigrations } from '../db/migrate.ts'
import { type Db, openPool } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import { type Keyring, openKeyring } from '../keys/keyring.ts'
import { openKeyProvider } from '../keys/open.ts'
import { attribution } from '../modules/attribution/attribution.ts'
import { recommendation } from '../modules/recommendation/recommendation.ts'
import { measureLinkability, type PairLinkability } from '../pipeline/linkability.ts'
import type { Hosted } from '../pipeline/linkability-sides.ts'
import { createPseudonymisers } from '../pipeline/pseudonymisers.ts'
import type { CompiledPolicy } from '../policy/compiled.ts'
import { activeVersion, createPolicyArchive } from '../policy/registry.ts'
import { answer, type CommonOptions, columns, commandLog, example } from './output.ts'

const MODULES = [attribution, recommendation]
const CODES =
  '\nExit code: 0 every pair is within the limit; 1 one is above it, or the policy states none and somebody can be linked.'

/** `weir policy linkability`. */
export function registerLinkability(command: Command): void {
  command
    .command('linkability')
    .description(
      'link the people of each pair of modules by what both know of them, and count how many are found again',
    )
    .addHelpText('after', CODES)
    .addHelpText(
      'after',
      example('npm run -s weir -- policy linkability', 'npm run -s weir -- policy linkability --json'),
    )
    .action(linkability)
}

async function linkability(options: CommonOptions): Promise<void> {
  const { config, secrets } = readConfig()
  const database = await openDatabase(config, secrets, commandLog(config.log.level))
  try {
    const db = openPool({ ...database.app, max: 2, applicationName: 'weir-linkability' })
    try {
      const pairs = await explained(async () => {
        if ((await pendingMigrations(db)) > 0) throw new AppError('conflict', 'migrations wait: run weir migrate')
        const policy = await policyInForce(db)
        const keyring = await openKeyring(db, await openKeyProvider({ ...config.keys, mode: config.mode }))
        return measureLinkability({ db, hosted: await hostedOf(db, policy, keyring), limit: policy.maxLinkable })
      })
      if (pairs.some(({ ok }) => !ok)) process.exitCode = 1
      answer(options, { pairs }, wording(pairs))
    } finally {
      await db.$client.end()
    }
  } finally {
    await database.stop()
  }
}

async function policyInForce(db: Db): Promise<CompiledPolicy> {
  const version = await activeVersion(db)
  const policy = version === undefined ? undefined : await createPolicyArchive()(db, version)
  if (policy === undefined) {
    throw new AppError('conflict', 'no policy decides in this database yet: start Weir first', { code: 'no-policy' })
  }
  return policy
}

async function hostedOf(db: Db, policy: CompiledPolicy, keyring: Keyring): Promise<Hosted[]> {
  const pseudonymisers = createPseudonymisers(keyring)
  const { rows } = await db.$client.query<{ id: number; name: string }>(
    'select destination_id as id, name from weir.destination',
  )
  return MODULES.flatMap((module): Hosted[] => {
    const destinationId = rows.find(({ name }) => name === module.name)?.id
    if (destinationId === undefined || !policy.destinations.some(({ name }) => name === module.name)) return []
    return [{ destinationId, module, keyring, pseudonymisers, now: Date.now }]
  })
}

function wording(pairs: readonly PairLinkability[]): string {
  const rows = pairs.map(({ a, b, people, linked, share, limit }) => [
    `${a} and ${b}`,
    String(people),
    String(linked),
    percent(share),
    percent(limit),
  ])
  const above = pairs.filter(({ ok }) => !ok).map(advice)
  return [columns(['destinations', 'people', 'linked', 'share', 'limit'], rows), ...above].join('\n')
}

function advice({ a, b, share, limit, by }: PairLinkability): string {
  const where =
    by === null ? '' : ` by the days of ${a}.${by.a} and ${b}.${by.b}${by.columns.map((name) => `, ${name}`).join('')}`
  return `${a} and ${b}: ${percent(share)} is above ${percent(limit)}${where}: let one of them have pseudonyms: rolling, or fewer rolling_days, or take a route out that both have`
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}
