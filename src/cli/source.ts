import type { Command } from 'commander'
import { AppError } from '../errors.ts'
import {
  addSource,
  type CreatedSource,
  changeSource,
  type ListedSource,
  listSources,
  revokeSource,
  type SourceChange,
  sourceReference,
} from '../http/sources.ts'
import { answer, type CommonOptions, columns, example } from './output.ts'
import { changeAsOwner, withOwnerDatabase } from './owner-database.ts'
import { readPublicKey } from './public-key.ts'

interface AddOptions extends CommonOptions {
  readonly browser?: boolean
  readonly server?: boolean
  readonly origin?: readonly string[]
  readonly secret: boolean
  readonly test?: boolean
  readonly shop: string
  readonly subjectKey?: string
  readonly agentKey?: string
}

interface SetOptions extends CommonOptions {
  readonly origin?: readonly string[]
  readonly subjectKey?: string
  readonly agentKey?: string
}

const NO_SECRET =
  'Segment’s server SDKs send the write key alone, so such a source has no secret (--no-secret): whoever reads the key\n' +
  'in a log or a repository can then send, and speak for your users. Keep it as you would keep a password.'

const ORIGIN = 'https://host, or http:// for this machine; once for each'

export function register(command: Command): void {
  registerAdd(command.command('add').description('make a write key; it is shown once'))
  registerList(command.command('list').description('show every source, never a key'))
  registerSet(command.command('set').description('change a source; its keys stay as they are'))
  registerRevoke(command.command('revoke').description('end a source: its key is refused within two seconds'))
}

function registerAdd(add: Command): void {
  add
    .argument('<name>', 'a-z, 0-9, dot, underscore and hyphen, at most 63')
    .option('--browser', 'for pages: the key is public and works from the --origin list only')
    .option('--server', 'for a backend: with a secret unless --no-secret (one of the two is required)')
    .option('--origin <origin>', `${ORIGIN} (required with --browser)`, collect)
    .option('--no-secret', 'the write key alone will do')
    .option('--test', 'answers each message with its decision and stores nothing')
    .option('--shop <shop>', 'the shop that it belongs to', 'main')
    .option('--subject-key <file>', 'public JWK that signs the shop’s subject tokens')
    .option('--agent-key <file>', 'public JWK of an agent, who asks for people with mandates (--browser only)')
    .addHelpText('after', example('npm run -s weir -- source add shop --browser --origin https://shop.example --json'))
    .addHelpText('after', `\n${NO_SECRET}`)
    .action(async (name: string, options: AddOptions) => {
      const kind = kindOf(name, options)
      const subjectKey = options.subjectKey === undefined ? undefined : await readPublicKey(options.subjectKey)
      const agentKey = options.agentKey === undefined ? undefined : await readPublicKey(options.agentKey)
      const created = await changeAsOwner(async (tx) => {
        const added = await addSource(tx, {
          name,
          kind,
          shop: options.shop,
          origins: options.origin ?? [],
          test: options.test ?? false,
          withoutSecret: !options.secret,
          ...(subjectKey === undefined ? {} : { subjectKey }),
          ...(agentKey === undefined ? {} : { agentKey }),
        })
        return [added, { action: 'source.add', resource: (await sourceReference(tx, name)) ?? 'source' }]
      })
      answer(options, created, textOf(created))
    })
}

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/

function kindOf(name: string, options: AddOptions): 'browser' | 'server' {
  if (!NAME.test(name) || !NAME.test(options.shop)) {
    throw new AppError('invalid', 'a name is at most 63 of a-z, 0-9, dot, underscore and hyphen')
  }
  if ((options.browser === true) === (options.server === true)) {
    throw new AppError('invalid', 'say --browser or --server')
  }
  if (options.browser === true && options.origin === undefined) {
    throw new AppError('invalid', 'a browser source needs at least one --origin https://shop.example')
  }
  if (options.server === true && options.origin !== undefined) {
    throw new AppError('invalid', '--origin is for browser sources: a server sends no Origin')
  }
  return options.browser === true ? 'browser' : 'server'
}

function textOf({ source, kind, writeKey, secret }: CreatedSource): string {
  const lines = [`Added ${source} (${kind}).`, `  write key  ${writeKey}`]
  if (secret !== undefined) lines.push(`  secret     ${secret}`)
  return [...lines, 'Shown once: Weir keeps only their hashes.'].join('\n')
}

function registerSet(set: Command): void {
  set
    .argument('<name>', 'an active source')
    .option('--origin <origin>', `${ORIGIN}; together they replace the list`, collect)
    .option('--subject-key <file>', 'public JWK that signs the shop’s subject tokens; replaces the one before')
    .option('--agent-key <file>', 'public JWK of an agent’s mandates; replaces the one before')
    .addHelpText(
      'after',
      example('npm run -s weir -- source set shop --origin https://shop.example --origin https://m.shop.example'),
    )
    .action(async (name: string, options: SetOptions) => {
      const change: SourceChange = {
        ...(options.origin === undefined ? {} : { origins: options.origin }),
        ...(options.subjectKey === undefined ? {} : { subjectKey: await readPublicKey(options.subjectKey) }),
        ...(options.agentKey === undefined ? {} : { agentKey: await readPublicKey(options.agentKey) }),
      }
      if (Object.keys(change).length === 0) throw new AppError('invalid', 'say --origin, --subject-key or --agent-key')
      const changed = await changeAsOwner(async (tx) => {
        const after = await changeSource(tx, name, change)
        return [after, { action: 'source.set', resource: `source:${after.id}` }]
      })
      answer(options, changed, `${tableOf([changed])}\nIn force everywhere within two seconds.`)
    })
}

function registerList(list: Command): void {
  list.addHelpText('after', example('npm run -s weir -- source list')).action(async (options: CommonOptions) => {
    const sources = await withOwnerDatabase(listSources)
    answer(options, { sources }, sources.length === 0 ? 'No source yet: weir source add.' : tableOf(sources))
  })
}

function tableOf(sources: readonly ListedSource[]): string {
  const rows = sources.map((one) => [
    String(one.id),
    one.source,
    one.test ? `${one.kind}, test` : one.kind,
    one.shop,
    one.revokedAt === null ? 'active' : 'revoked',
    one.secret ? 'yes' : 'no',
    one.subjectKey ? 'yes' : 'no',
    one.origins.join(' ') || '-',
  ])
  return columns(['ID', 'NAME', 'KIND', 'SHOP', 'STATE', 'SECRET', 'SUBJECT KEY', 'ORIGINS'], rows)
}

function registerRevoke(revoke: Command): void {
  revoke
    .argument('<name>', 'an active source')
    .addHelpText('after', example('npm run -s weir -- source revoke shop'))
    .action(async (name: string, options: CommonOptions) => {
      await changeAsOwner(async (tx) => {
        if (!(await revokeSource(tx, name))) throw new AppError('not-found', 'no active source has this name')
        return [undefined, { action: 'source.revoke', resource: (await sourceReference(tx, name)) ?? 'source' }]
      })
      answer(options, { source: name, revoked: true }, `Revoked ${name}: refused everywhere within two seconds.`)
    })
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}
