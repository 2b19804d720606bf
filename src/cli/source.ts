import { createPublicKey, type JsonWebKey } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { AppError } from '../errors.ts'
import type { JsonObject } from '../event/event.ts'
import { addSource, type CreatedSource, listSources, revokeSource } from '../http/sources.ts'
import { answer, type CommonOptions, example } from './output.ts'
import { withOwnerDatabase } from './owner-database.ts'

interface AddOptions extends CommonOptions {
  readonly browser?: boolean
  readonly server?: boolean
  readonly origin: readonly string[]
  readonly secret: boolean
  readonly test?: boolean
  readonly shop: string
  readonly subjectKey?: string
}

const NO_SECRET =
  'Segment’s server SDKs send the write key alone, so such a source has no secret (--no-secret): whoever reads the key\n' +
  'in a log or a repository can then send, and speak for your users. Keep it as you would keep a password.'

export function register(command: Command): void {
  registerAdd(command.command('add').description('make a write key; it is shown once'))
  registerList(command.command('list').description('show every source, never a key'))
  registerRevoke(command.command('revoke').description('end a source: its key is refused within two seconds'))
}

function registerAdd(add: Command): void {
  add
    .argument('<name>', 'a-z, 0-9, dot, underscore and hyphen, at most 63')
    .option('--browser', 'for pages: the key is public and works from the --origin list only')
    .option('--server', 'for a backend: with a secret unless --no-secret')
    .option('--origin <origin>', 'https://host, or http:// for this machine; once for each', collect, [])
    .option('--no-secret', 'the write key alone will do')
    .option('--test', 'answers each message with its decision and stores nothing')
    .option('--shop <shop>', 'the shop that it belongs to', 'main')
    .option('--subject-key <file>', 'public JWK that signs the shop’s subject tokens')
    .addHelpText('after', example('weir source add shop --browser --origin https://shop.example --json'))
    .addHelpText('after', `\n${NO_SECRET}`)
    .action(async (name: string, options: AddOptions) => {
      const kind = kindOf(name, options)
      const subjectKey = options.subjectKey === undefined ? undefined : await readPublicKey(options.subjectKey)
      const created = await withOwnerDatabase((db) =>
        addSource(db, {
          name,
          kind,
          shop: options.shop,
          origins: options.origin,
          test: options.test ?? false,
          withoutSecret: !options.secret,
          ...(subjectKey === undefined ? {} : { subjectKey }),
        }),
      )
      answer(options, created, textOf(created))
    })
}

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/

function kindOf(name: string, options: AddOptions): 'browser' | 'server' {
  if (!NAME.test(name) || !NAME.test(options.shop)) {
    throw new AppError('invalid', 'names are of a-z, 0-9, dot, underscore and hyphen, at most 63')
  }
  if ((options.browser === true) === (options.server === true)) {
    throw new AppError('invalid', 'say --browser or --server')
  }
  if (options.browser === true && options.origin.length === 0) {
    throw new AppError('invalid', 'a browser source needs at least one --origin https://shop.example')
  }
  if (options.server === true && options.origin.length > 0) {
    throw new AppError('invalid', '--origin is for browser sources: a server sends no Origin')
  }
  return options.browser === true ? 'browser' : 'server'
}

/** What subject tokens are verified with: Ed25519 or P-256. A private key is refused, it has no business here. */
async function readPublicKey(file: string): Promise<JsonObject> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new AppError('invalid', '--subject-key must name a file that can be read', { cause })
  })
  const jwk = parsePublicKey(text)
  if (jwk === undefined) {
    throw new AppError('invalid', '--subject-key must hold one public JWK: OKP Ed25519, or EC P-256')
  }
  if ('d' in jwk) {
    throw new AppError('invalid', '--subject-key holds a private key: keep it at the shop, give Weir the public one')
  }
  return jwk
}

function parsePublicKey(text: string): JsonObject | undefined {
  try {
    const jwk = JSON.parse(text) as JsonWebKey & JsonObject
    createPublicKey({ key: jwk, format: 'jwk' }) // throws for anything that is no key
    return jwk.crv === 'Ed25519' || jwk.crv === 'P-256' ? jwk : undefined
  } catch {
    return undefined
  }
}

function textOf({ source, kind, writeKey, secret }: CreatedSource): string {
  const lines = [`Added ${source} (${kind}).`, `  write key  ${writeKey}`]
  if (secret !== undefined) lines.push(`  secret     ${secret}`)
  return [...lines, 'Shown once: Weir keeps only their hashes.'].join('\n')
}

function registerList(list: Command): void {
  list.addHelpText('after', example('weir source list --json')).action(async (options: CommonOptions) => {
    const sources = await withOwnerDatabase(listSources)
    const lines = sources.map((one) => {
      const state = one.revokedAt === null ? '' : ' revoked'
      return `${one.source}  ${one.kind}${one.test ? ' test' : ''}${state}  ${one.shop}  ${one.origins.join(' ')}`.trimEnd()
    })
    answer(options, { sources }, lines.join('\n') || 'No source yet: weir source add.')
  })
}

function registerRevoke(revoke: Command): void {
  revoke
    .argument('<name>')
    .addHelpText('after', example('weir source revoke shop'))
    .action(async (name: string, options: CommonOptions) => {
      const revoked = await withOwnerDatabase((db) => revokeSource(db, name))
      if (!revoked) throw new AppError('not-found', 'no active source has this name')
      answer(options, { source: name, revoked }, `Revoked ${name}: refused everywhere within two seconds.`)
    })
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value]
}
