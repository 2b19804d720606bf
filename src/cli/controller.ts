import type { Command } from 'commander'
import { AppError } from '../errors.ts'
import { readSecretFile } from '../keys/secret-file.ts'
import {
  addController,
  listControllers,
  type NewController,
  revokeController,
} from '../rights/protocols/controllers.ts'
import type { DoorProtocol } from '../rights/protocols/door.ts'
import { answer, type CommonOptions, columns, example } from './output.ts'
import { changeAsOwner, changeIn, withOwnerDatabase } from './owner-database.ts'
import { withKeys } from './with-keys.ts'

interface WhichOptions extends CommonOptions {
  readonly opendsr?: boolean
  readonly shopify?: boolean
}

interface AddOptions extends WhichOptions {
  readonly secretFile?: string
  readonly userIds: string
  readonly callbackHost?: readonly string[]
}

const WEIR = 'npm run -s weir -- controller'

export function register(command: Command): void {
  registerAdd(command.command('add').description('let another system send requests of people in'))
  registerList(command.command('list').description('show who may, never a secret'))
  registerRevoke(command.command('revoke').description('take nothing from it any more, at once'))
}

function registerAdd(add: Command): void {
  add
    .argument('<name>', 'a-z, 0-9, dot, underscore and hyphen, at most 63; never given twice')
    .option('--opendsr', 'a controller that speaks OpenDSR: its bearer token is shown once')
    .option('--shopify', 'a Shopify app (one of the two is required)')
    .option('--secret-file <file>', 'of a Shopify app: a 0600 file with its client secret')
    .option(
      '--user-ids <form>',
      'of a Shopify app: what the shop’s user ids are, plain (42) or prefixed (shopify:42)',
      'plain',
    )
    .option('--callback-host <host>', 'where an OpenDSR controller may be called back; once for each', collect)
    .addHelpText(
      'after',
      example(
        `${WEIR} add crm --opendsr --callback-host crm.example --json`,
        `${WEIR} add our-app --shopify --secret-file /etc/weir/shopify-secret`,
      ),
    )
    .action(async (name: string, options: AddOptions) => {
      const given = await controllerOf(name, options)
      const { token } = await withKeys(async (context) => {
        const keyring = await context.openKeyring()
        return changeIn(context.db, async (tx) => {
          const added = await addController(tx, keyring, given)
          return [added, { action: 'controller.add', resource: `controller:${given.protocol}/${name}` }]
        })
      })
      const lines = [`Added ${name} (${given.protocol}).`]
      if (token !== undefined) lines.push(`  bearer token  ${token}`, 'Shown once: Weir keeps only its hash.')
      answer(options, { name, protocol: given.protocol, ...(token === undefined ? {} : { token }) }, lines.join('\n'))
    })
}

async function controllerOf(name: string, options: AddOptions): Promise<NewController> {
  const protocol = protocolOf(options)
  const { secretFile, userIds, callbackHost } = options
  if (protocol === 'opendsr') {
    if (secretFile !== undefined) throw new AppError('invalid', '--secret-file is for --shopify')
    return { name, protocol, callbackHosts: callbackHost ?? [] }
  }
  if (secretFile === undefined) throw new AppError('invalid', '--shopify needs --secret-file')
  if (callbackHost !== undefined) throw new AppError('invalid', '--callback-host is for --opendsr')
  if (userIds !== 'plain' && userIds !== 'prefixed') throw new AppError('invalid', '--user-ids is plain or prefixed')
  const secret = (await readSecretFile(secretFile, 'app secret')).toString('utf8').trim()
  if (!/^[\x21-\x7e]{16,512}$/.test(secret)) {
    throw new AppError('invalid', '--secret-file must hold one secret of 16 characters or more, without blanks')
  }
  return { name, protocol, secret, userIds }
}

function protocolOf({ opendsr, shopify }: WhichOptions): DoorProtocol {
  if ((opendsr === true) === (shopify === true)) throw new AppError('invalid', 'say --opendsr or --shopify')
  return opendsr === true ? 'opendsr' : 'shopify'
}

function registerList(list: Command): void {
  list.addHelpText('after', example(`${WEIR} list`)).action(async (options: CommonOptions) => {
    const controllers = await withOwnerDatabase(listControllers)
    const rows = controllers.map((one) => [
      one.name,
      one.protocol,
      one.revokedAt === null ? 'active' : 'revoked',
      one.protocol === 'shopify' ? one.userIds : '-',
      one.callbackHosts.join(' ') || '-',
    ])
    const text = columns(['NAME', 'PROTOCOL', 'STATE', 'USER IDS', 'CALLBACK HOSTS'], rows)
    answer(options, { controllers }, controllers.length === 0 ? 'No controller yet: weir controller add.' : text)
  })
}

function registerRevoke(revoke: Command): void {
  revoke
    .argument('<name>', 'an active controller')
    .option('--opendsr', 'of OpenDSR')
    .option('--shopify', 'of Shopify (one of the two is required)')
    .addHelpText('after', example(`${WEIR} revoke crm --opendsr`))
    .action(async (name: string, options: WhichOptions) => {
      const protocol = protocolOf(options)
      await changeAsOwner(async (tx) => {
        if (!(await revokeController(tx, protocol, name))) {
          throw new AppError('not-found', 'no active controller has this name')
        }
        return [undefined, { action: 'controller.revoke', resource: `controller:${protocol}/${name}` }]
      })
      answer(options, { name, protocol, revoked: true }, `Revoked ${name}.`)
    })
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}
