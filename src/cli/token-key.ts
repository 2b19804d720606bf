import { createPublicKey, type JsonWebKey } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { AppError } from '../errors.ts'
import type { JsonObject } from '../event/event.ts'
import { isForTokens } from '../identity/subject-token.ts'
import { ROLES } from '../officers/roles.ts'
import { addServiceKey, listServiceKeys, revokeServiceKey } from '../officers/service-keys.ts'
import { answer, type CommonOptions, columns, example } from './output.ts'
import { changeAsOwner, withOwnerDatabase } from './owner-database.ts'
import { roleOf } from './role.ts'

interface AddOptions extends CommonOptions {
  readonly jwk: string
  readonly role: string
}

/** `weir token key`: machines sign short assertions of their own, nothing secret is given out. */
export function registerTokenKeys(key: Command): void {
  registerAdd(key.command('add').description('register a machine’s public key with a role'))
  registerList(key.command('list').description('show every key by its id'))
  registerRevoke(key.command('revoke').description('end a key, at once'))
}

function registerAdd(add: Command): void {
  add
    .requiredOption('--jwk <file>', 'public JWK, OKP Ed25519; its private part stays with the machine')
    .requiredOption('--role <role>', ROLES.join(', '))
    .addHelpText('after', example('npm run -s weir -- token key add --jwk erp.jwk --role operator --json'))
    .action(async (options: AddOptions) => {
      const role = roleOf(options.role)
      const jwk = await readServiceKey(options.jwk)
      const key = await changeAsOwner(async (tx) => {
        const id = await addServiceKey(tx, { jwk, role, now: Date.now() })
        return [id, { action: 'service-key.add', resource: `service:${id}` }]
      })
      const text = `${key}\n${role}. Sign with kid, iss and sub = this id; docs/officers.md says the rest.`
      answer(options, { key, role }, text)
    })
}

function registerList(list: Command): void {
  list.addHelpText('after', example('npm run -s weir -- token key list')).action(async (options: CommonOptions) => {
    const keys = await withOwnerDatabase(listServiceKeys)
    const rows = keys.map((one) => [one.id, one.role, one.revokedAt === null ? 'active' : 'revoked', one.createdAt])
    const text = columns(['ID', 'ROLE', 'STATE', 'SINCE'], rows)
    answer(options, { keys }, keys.length === 0 ? 'No key yet: weir token key add.' : text)
  })
}

function registerRevoke(revoke: Command): void {
  revoke
    .argument('<id>', 'as weir token key list shows it')
    .addHelpText('after', example('npm run -s weir -- token key revoke 7d9f4c1e-0b5a-4c3e-9a51-3f0c7a8b2d10'))
    .action(async (id: string, options: CommonOptions) => {
      if (!/^[0-9a-f-]{36}$/i.test(id)) throw new AppError('invalid', 'a key’s id is a UUID: weir token key list')
      await changeAsOwner(async (tx) => {
        if (!(await revokeServiceKey(tx, id, Date.now()))) throw new AppError('not-found', 'no active key has this id')
        return [undefined, { action: 'service-key.revoke', resource: `service:${id.toLowerCase()}` }]
      })
      answer(options, { id, revoked: true }, 'Revoked.')
    })
}

async function readServiceKey(file: string): Promise<JsonObject> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new AppError('invalid', '--jwk must name a file that can be read', { cause })
  })
  const jwk = parseKey(text)
  if (jwk === undefined) throw new AppError('invalid', '--jwk must hold one public JWK: kty OKP, crv Ed25519')
  if ('d' in jwk) {
    throw new AppError('invalid', '--jwk holds a private key: keep it at the machine, give Weir the public one')
  }
  if (!isForTokens(jwk, 'EdDSA')) {
    throw new AppError('invalid', '--jwk says by its use, key_ops or alg that it is not for EdDSA signatures')
  }
  return jwk
}

function parseKey(text: string): JsonObject | undefined {
  try {
    const jwk = JSON.parse(text) as JsonWebKey & JsonObject
    createPublicKey({ key: jwk, format: 'jwk' }) // throws for anything that is no key
    return jwk.kty === 'OKP' && jwk.crv === 'Ed25519' ? jwk : undefined
  } catch {
    return undefined
  }
}
