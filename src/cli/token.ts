import type { Command } from 'commander'
import { AppError } from '../errors.ts'
import { addToken, listTokens, revokeToken, TOKEN_DAYS } from '../http/tokens.ts'
import { ROLES } from '../officers/roles.ts'
import { answer, type CommonOptions, columns, example } from './output.ts'
import { changeAsOwner, withOwnerDatabase } from './owner-database.ts'
import { roleOf } from './role.ts'
import { registerTokenKeys } from './token-key.ts'

interface AddOptions extends CommonOptions {
  readonly role: string
  readonly days: string
}

export function register(command: Command): void {
  registerAdd(command.command('add').description('make a bearer token for /api; it is shown once'))
  registerList(command.command('list').description('show every token by its id'))
  registerRevoke(command.command('revoke').description('end a token, at once'))
  registerTokenKeys(command.command('key').description('machines that sign for themselves: their public keys'))
}

function registerAdd(add: Command): void {
  add
    .requiredOption('--role <role>', ROLES.join(', '))
    .option('--days <days>', 'how long it lives, 1 to 365', String(TOKEN_DAYS))
    .addHelpText('after', example('npm run -s weir -- token add --role analyst --days 30 --json'))
    .action(async (options: AddOptions) => {
      const role = roleOf(options.role)
      const created = await changeAsOwner(async (tx) => {
        const added = await addToken(tx, role, Number(options.days))
        return [added, { action: 'token.add', resource: `token:${added.id}` }]
      })
      const text = `${created.token}\n${role}, until ${created.expiresAt}, id ${created.id}. Shown once.`
      answer(options, created, text)
    })
}

function registerList(list: Command): void {
  list.addHelpText('after', example('npm run -s weir -- token list')).action(async (options: CommonOptions) => {
    const tokens = await withOwnerDatabase(listTokens)
    const rows = tokens.map((one) => [one.id, one.role, one.revokedAt === null ? 'active' : 'revoked', one.expiresAt])
    const text = columns(['ID', 'ROLE', 'STATE', 'UNTIL'], rows)
    answer(options, { tokens }, tokens.length === 0 ? 'No token yet: weir token add.' : text)
  })
}

function registerRevoke(revoke: Command): void {
  revoke
    .argument('<id>', 'as weir token list shows it')
    .addHelpText('after', example('npm run -s weir -- token revoke 7d9f4c1e-0b5a-4c3e-9a51-3f0c7a8b2d10'))
    .action(async (id: string, options: CommonOptions) => {
      if (!/^[0-9a-f-]{36}$/i.test(id)) throw new AppError('invalid', 'a token’s id is a UUID: weir token list')
      await changeAsOwner(async (tx) => {
        if (!(await revokeToken(tx, id))) throw new AppError('not-found', 'no active token has this id')
        return [undefined, { action: 'token.revoke', resource: `token:${id.toLowerCase()}` }]
      })
      answer(options, { id, revoked: true }, 'Revoked.')
    })
}
