import { ROLES } from '../officers/roles.ts'
import type { Route } from './routes/route.ts'

/** docs/roles.md: which role may call which route, from the routes themselves. */
export function rolesTable(routes: readonly Route[]): string {
  const heads = ['route', ...ROLES, 'what', 'in the audit log']
  return [
    '# Who may call what',
    '',
    'Written from the routes by `test/flow/officers/matrix.test.ts`, which fails where this page is older than they are: `npx vitest run --project flow test/flow/officers/matrix.test.ts -u` writes it anew.',
    '',
    `| ${heads.join(' | ')} |`,
    `| --- |${ROLES.map(() => ' :-: |').join('')} --- | --- |`,
    ...routes.flatMap(rowOfRole),
    '',
    '*: an officer who showed a second factor within the last minutes; no token will do.',
    '',
    'Analysts and merchandisers see no person, operators no data. What a role may not is refused with 403 `role-missing` and entered in the audit log as `refused`.',
    '',
    '## For any officer who is signed in',
    '',
    '| route | what | in the audit log |',
    '| --- | --- | --- |',
    ...routes.flatMap(rowOfOfficers),
    '',
    '## For whoever wants to sign in',
    '',
    '| route | what |',
    '| --- | --- |',
    ...routes.filter(isOpen).map((route) => `| ${nameOf(route)} | ${route.summary} |`),
    '',
  ].join('\n')
}

/** Routes under /api that ask for no session: those that make one. */
export function isOpen({ access, path }: Route): boolean {
  return access.who === 'anyone' && path.startsWith('/api/')
}

/** `POST /api/session`, as code. */
export function nameOf({ method, path }: Route): string {
  return `\`${method.toUpperCase()} ${path}\``
}

function rowOfRole(route: Route): string[] {
  const { access } = route
  if (access.who !== 'role') return []
  const mark = access.stepUp === undefined ? '✓' : '✓*'
  const marks = ROLES.map((role) => (access.roles.includes(role) ? mark : ''))
  return [`| ${[nameOf(route), ...marks, route.summary, `\`${access.action}\``].join(' | ')} |`]
}

function rowOfOfficers(route: Route): string[] {
  const { access } = route
  if (access.who !== 'officer') return []
  const star = access.stepUp === undefined ? '' : ' *'
  return [`| ${nameOf(route)}${star} | ${route.summary} | \`${access.action}\` |`]
}
