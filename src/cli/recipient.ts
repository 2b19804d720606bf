import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import {
  addEndpoint,
  checkEndpoint,
  findEndpoint,
  listEndpoints,
  type NewEndpoint,
  type RecipientRole,
  stopEndpoint,
} from '../destinations/endpoints.ts'
import { createSafeCall } from '../destinations/safe-call.ts'
import { tryEndpoint } from '../destinations/try-endpoint.ts'
import { AppError } from '../errors.ts'
import { readSecretFile } from '../keys/secret-file.ts'
import { answer, type CommonOptions, columns, example } from './output.ts'
import { changeAsOwner, changeIn, withOwnerDatabase } from './owner-database.ts'
import { withKeys } from './with-keys.ts'

interface AddOptions extends CommonOptions {
  readonly webhook?: string
  readonly opendsr?: string
  readonly slaDays: string
  readonly region: string
  readonly role: string
  readonly tokenFile?: string
  readonly certificate?: string
}

const WEIR = 'npm run -s weir -- recipient'

export function register(command: Command): void {
  registerAdd(command.command('add').description('say how an outside recipient is told; its secret is shown once'))
  registerList(command.command('list').description('show every recipient, and what waits or failed there'))
  registerStop(command.command('stop').description('tell a recipient nothing any more: what waits is given up'))
  registerTest(
    command.command('test').description('see whether a recipient can be told, without telling it of anybody'),
  )
}

function registerAdd(add: Command): void {
  add
    .argument('<name>', 'of the destination: a-z, 0-9, dot, underscore and hyphen, at most 63')
    .option('--webhook <url>', 'where signed messages go')
    .option('--opendsr <url>', 'an OpenDSR processor, such as https://host/v2 (one of the two is required)')
    .option('--sla-days <days>', 'within how many days it promises to be done, 1 to 365', '30')
    .option('--region <country>', 'where it is', 'CN')
    .option('--role <role>', 'entrusted, joint or third-party', 'entrusted')
    .option('--token-file <file>', 'the bearer token that an OpenDSR processor gave; made here where nothing is said')
    .option('--certificate <file>', 'PEM of an OpenDSR processor: its answers must be signed by it')
    .addHelpText('after', example(`${WEIR} add crm --webhook https://crm.example/privacy --sla-days 14 --json`))
    .action(async (name: string, options: AddOptions) => {
      const given = await endpointOf(name, options)
      const made = await withKeys(async (context) => {
        const { config, db, policy } = context
        checkEndpoint(given, config.mode)
        if (policy.destinations.some((one) => one.name === name)) {
          throw new AppError('conflict', 'a module of this name runs here: it is told without this')
        }
        const keyring = await context.openKeyring()
        return changeIn(db, async (tx) => {
          const added = await addEndpoint(tx, keyring, given)
          return [added, { action: 'recipient.add', resource: `destination:${added.destinationId}` }]
        })
      })
      const { protocol, url, slaDays, region, role } = given
      const text = [`Added ${name} (${protocol}).`, ...secretLines(given, made.secret)].join('\n')
      const shown = given.secret === undefined ? { secret: made.secret } : {}
      answer(options, { name, protocol, url, slaDays, region, role, ...shown }, text)
    })
}

function secretLines({ protocol, secret: given }: NewEndpoint, secret: string): string[] {
  if (given !== undefined) return []
  const what = protocol === 'webhook' ? 'signing secret' : 'bearer token'
  return [`  ${what}  ${secret}`, 'Shown once: give it to the recipient. docs/recipients.md says what it is used for.']
}

async function endpointOf(name: string, options: AddOptions): Promise<NewEndpoint> {
  const { webhook, opendsr, role, region, tokenFile, certificate } = options
  const url = webhook ?? opendsr
  if (url === undefined || (webhook !== undefined && opendsr !== undefined)) {
    throw new AppError('invalid', 'say --webhook URL or --opendsr URL')
  }
  if (webhook !== undefined && (tokenFile !== undefined || certificate !== undefined)) {
    throw new AppError('invalid', '--token-file and --certificate are for --opendsr: a webhook’s secret is made here')
  }
  if (!isRole(role)) throw new AppError('invalid', '--role is entrusted, joint or third-party')
  return {
    name,
    protocol: webhook === undefined ? 'opendsr' : 'webhook',
    url,
    slaDays: Number(options.slaDays),
    region,
    role,
    ...(certificate === undefined ? {} : { certificate: await readText(certificate) }),
    ...(tokenFile === undefined ? {} : { secret: await readToken(tokenFile) }),
  }
}

function isRole(text: string): text is RecipientRole {
  return text === 'entrusted' || text === 'joint' || text === 'third-party'
}

async function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw new AppError('invalid', '--certificate must name a file that can be read', { cause })
  })
}

async function readToken(file: string): Promise<string> {
  const token = (await readSecretFile(file, 'token')).toString('utf8').trim()
  if (/^[\x21-\x7e]{16,4096}$/.test(token)) return token
  throw new AppError('invalid', '--token-file must hold one token of 16 characters or more, without blanks')
}

function registerList(list: Command): void {
  list.addHelpText('after', example(`${WEIR} list`)).action(async (options: CommonOptions) => {
    const recipients = await withOwnerDatabase(listEndpoints)
    const rows = recipients.map((one) => [
      one.name,
      one.protocol,
      one.stoppedAt === null ? 'active' : 'stopped',
      one.region,
      one.role,
      `${one.slaDays} d`,
      String(one.waiting),
      String(one.failed),
      one.url,
    ])
    const text = columns(['NAME', 'PROTOCOL', 'STATE', 'REGION', 'ROLE', 'TERM', 'WAITING', 'FAILED', 'URL'], rows)
    answer(options, { recipients }, recipients.length === 0 ? 'No recipient yet: weir recipient add.' : text)
  })
}

function registerStop(stop: Command): void {
  stop
    .argument('<name>', 'an active recipient')
    .addHelpText('after', example(`${WEIR} stop crm`))
    .action(async (name: string, options: CommonOptions) => {
      await changeAsOwner(async (tx) => {
        if (!(await stopEndpoint(tx, name))) throw new AppError('not-found', 'no active recipient has this name')
        return [undefined, { action: 'recipient.stop', resource: `recipient:${name}` }]
      })
      answer(options, { name, stopped: true }, `Stopped ${name}: it is told nothing any more.`)
    })
}

function registerTest(test: Command): void {
  test
    .argument('<name>', 'an active recipient')
    .addHelpText('after', example(`${WEIR} test crm --json`))
    .action(async (name: string, options: CommonOptions) => {
      const tried = await withKeys(async (context) => {
        const { config, db } = context
        const endpoint = await findEndpoint(db, await context.openKeyring(), name)
        if (endpoint === undefined) throw new AppError('not-found', 'no active recipient has this name')
        return tryEndpoint(createSafeCall({ mode: config.mode }), endpoint, Date.now())
      })
      if (!tried.ok) process.exitCode = 1
      const takes = tried.takes === undefined ? '' : `, takes ${tried.takes.join(', ')}`
      answer(
        options,
        { name, ...tried },
        `${name}: ${tried.ok ? 'can be told' : 'cannot be told'} (${tried.code}${takes})`,
      )
    })
}
