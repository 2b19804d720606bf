import type { Command } from 'commander'
import type { Tx } from '../db/pool.ts'
import { addOfficer, findOfficer, listOfficers, type NewCredentials, resetOfficer } from '../officers/accounts.ts'
import { disableOfficer, enableOfficer } from '../officers/administration.ts'
import { type OfficerKeys, officerKeys } from '../officers/keys.ts'
import { ROLES } from '../officers/roles.ts'
import { answer, type CommonOptions, columns, example } from './output.ts'
import { changeIn, type Done } from './owner-database.ts'
import { roleOf } from './role.ts'
import { withKeys } from './with-keys.ts'

interface AddOptions extends CommonOptions {
  readonly email: string
  readonly role: string
}

const WEIR = 'npm run -s weir -- officer'

export function register(command: Command): void {
  registerAdd(command.command('add').description('make an account; what proves it is shown once'))
  registerList(command.command('list').description('show every account; entered in the audit log'))
  registerReset(command.command('reset').description('new password, second factor and recovery codes; sessions end'))
  registerDisable(command.command('disable').description('end an account, and its sessions'))
  registerEnable(command.command('enable').description('let a disabled account in again, as it was'))
}

function registerAdd(add: Command): void {
  add
    .requiredOption('--email <address>', 'what the officer signs in with; kept sealed')
    .requiredOption('--role <role>', ROLES.join(', '))
    .addHelpText('after', example(`${WEIR} add --email privacy@shop.example --role compliance --json`))
    .action(async ({ email, ...options }: AddOptions) => {
      const role = roleOf(options.role)
      const made = await change(async (tx, keys) => {
        const added = await addOfficer(tx, keys, { email, role, now: Date.now() })
        return [added, { action: 'officer.add', resource: `officer:${added.officer}` }]
      })
      answer(options, made, textOf(made))
    })
}

function registerReset(reset: Command): void {
  reset
    .argument('<officer>', 'e-mail address or id')
    .addHelpText('after', example(`${WEIR} reset privacy@shop.example`))
    .action(async (named: string, options: CommonOptions) => {
      const made = await change(async (tx, keys) => {
        const officer = await findOfficer(tx, keys, named)
        const fresh = await resetOfficer(tx, keys, officer, Date.now())
        return [fresh, { action: 'officer.reset', resource: `officer:${officer}` }]
      })
      answer(options, made, textOf(made))
    })
}

function registerDisable(disable: Command): void {
  disable
    .argument('<officer>', 'e-mail address or id')
    .addHelpText('after', example(`${WEIR} disable privacy@shop.example`))
    .action(async (named: string, options: CommonOptions) => {
      const officer = await change(async (tx, keys) => {
        const found = await findOfficer(tx, keys, named)
        await disableOfficer(tx, found, Date.now())
        return [found, { action: 'officer.disable', resource: `officer:${found}` }]
      })
      answer(options, { officer, disabled: true }, `Disabled ${officer}.`)
    })
}

function registerEnable(enable: Command): void {
  enable
    .argument('<officer>', 'e-mail address or id')
    .addHelpText('after', example(`${WEIR} enable privacy@shop.example`))
    .action(async (named: string, options: CommonOptions) => {
      const officer = await change(async (tx, keys) => {
        const found = await findOfficer(tx, keys, named)
        await enableOfficer(tx, found)
        return [found, { action: 'officer.enable', resource: `officer:${found}` }]
      })
      answer(options, { officer, disabled: false }, `Enabled ${officer}.`)
    })
}

function registerList(list: Command): void {
  list.addHelpText('after', example(`${WEIR} list`)).action(async (options: CommonOptions) => {
    const officers = await change(async (tx, keys) => {
      const listed = await listOfficers(tx, keys, Date.now())
      return [listed, { action: 'officer.list', resource: 'officers' }]
    })
    const rows = officers.map((one) => [
      one.officer,
      one.email,
      one.role,
      one.disabledAt === null ? 'active' : 'disabled',
      String(one.authenticators),
      String(one.sessions),
    ])
    const text = columns(['ID', 'E-MAIL', 'ROLE', 'STATE', 'AUTHENTICATORS', 'SESSIONS'], rows)
    answer(options, { officers }, officers.length === 0 ? 'No officer yet: weir officer add.' : text)
  })
}

/** One change with the keys of officers at hand, and its entry in the audit log. */
function change<T>(work: (tx: Tx, keys: OfficerKeys) => Promise<readonly [result: T, done: Done]>): Promise<T> {
  return withKeys(async (context) => {
    const keys = officerKeys((await context.openKeyring()).tokenKey)
    return changeIn(context.db, (tx) => work(tx, keys))
  })
}

function textOf({ officer, password, totpUri, recoveryCodes }: NewCredentials): string {
  return [
    `Officer ${officer}`,
    `  password        ${password}`,
    `  authenticator   ${totpUri}`,
    ...recoveryCodes.map((code, i) => `  ${i === 0 ? 'recovery codes' : '              '}  ${code}`),
    'Shown once: hand it over by a way that only the officer reads, and have the password changed.',
  ].join('\n')
}
