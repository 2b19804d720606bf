import { appendEntries } from '../audit/log.ts'
import type { Db, Tx } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import { endSessionsOf, type ListedOfficer, listOfficers, noOfficer } from './accounts.ts'
import type { OfficerDeps } from './deps.ts'
import { type Actor, actorName, type Role } from './roles.ts'

const PURPOSE = 'administration'

/** Every officer, with their addresses: entered in the audit log first (law 6). */
export async function readOfficers(deps: OfficerDeps, actor: Actor): Promise<ListedOfficer[]> {
  await deps.audit.append({
    actor: actorName(actor),
    action: 'officer.list',
    resource: 'officers',
    purpose: PURPOSE,
    outcome: 'released',
  })
  return listOfficers(deps.db, deps.keys(), deps.now())
}

/** Gives an officer another role; their sessions end. Throws AppError not-found, `own-account`, `last-compliance`. */
export function changeRole(deps: OfficerDeps, actor: Actor, officer: string, role: Role): Promise<void> {
  return administer(deps, actor, 'officer.role', officer, (tx) => setRole(tx, officer, role))
}

/** Ends an account, and its sessions with it. Throws AppError not-found, `own-account`, `last-compliance`. */
export function disable(deps: OfficerDeps, actor: Actor, officer: string): Promise<void> {
  return administer(deps, actor, 'officer.disable', officer, (tx) => disableOfficer(tx, officer, deps.now()))
}

/** Signs somebody out everywhere. Throws AppError not-found. */
export function endSessions(deps: OfficerDeps, actor: Actor, officer: string): Promise<void> {
  return administer(deps, actor, 'officer.sessions.end', officer, async (tx) => {
    await lockedRole(tx, officer)
    await endSessionsOf(tx, officer)
  })
}

async function administer(
  deps: OfficerDeps,
  actor: Actor,
  action: string,
  officer: string,
  work: (tx: Tx) => Promise<void>,
): Promise<void> {
  const entry = { actor: actorName(actor), action, resource: `officer:${officer}`, purpose: PURPOSE }
  if (actor.kind === 'officer' && actor.id === officer && action !== 'officer.sessions.end') {
    await deps.audit.append({ ...entry, outcome: 'refused' })
    throw new AppError('forbidden', 'Another officer has to do this: nobody changes their own role or account.', {
      code: 'own-account',
    })
  }
  await transaction(deps.db, async (tx) => {
    await work(tx)
    await appendEntries(tx, [{ ...entry, outcome: 'done' }])
  })
}

/** Throws AppError not-found, conflict `last-compliance`. */
export async function disableOfficer(tx: Tx, officer: string, now: number): Promise<void> {
  const { role, disabled } = await lockedRole(tx, officer)
  if (role === 'compliance' && !disabled) await refuseLast(tx, officer)
  await tx.$client.query('update weir.officer set disabled_at = coalesce(disabled_at, $2) where officer_id = $1', [
    officer,
    new Date(now),
  ])
  await endSessionsOf(tx, officer)
}

/** Throws AppError not-found. Its credentials are what they were. */
export async function enableOfficer(tx: Tx, officer: string): Promise<void> {
  await lockedRole(tx, officer)
  await tx.$client.query('update weir.officer set disabled_at = null where officer_id = $1', [officer])
}

async function setRole(tx: Tx, officer: string, role: Role): Promise<void> {
  const before = await lockedRole(tx, officer)
  if (before.role === 'compliance' && role !== 'compliance' && !before.disabled) await refuseLast(tx, officer)
  await tx.$client.query('update weir.officer set role = $2 where officer_id = $1', [officer, role])
  await endSessionsOf(tx, officer)
}

/** Locks every account that could be the last one, in one order, so that two who remove each other take turns. */
async function lockedRole(tx: Db | Tx, officer: string): Promise<{ role: Role; disabled: boolean }> {
  const { rows } = await tx.$client.query<{ id: string; role: Role; disabled: boolean }>(
    `select officer_id as id, role, disabled_at is not null as disabled from weir.officer
     where officer_id = $1 or role = 'compliance' and disabled_at is null order by officer_id for no key update`,
    [officer],
  )
  const found = rows.find(({ id }) => id === officer)
  if (found === undefined) throw noOfficer()
  return found
}

async function refuseLast(tx: Tx, officer: string): Promise<void> {
  const { rows } = await tx.$client.query(
    `select from weir.officer where role = 'compliance' and disabled_at is null and officer_id <> $1`,
    [officer],
  )
  if (rows.length > 0) return
  throw new AppError('conflict', 'This is the last compliance officer: make another one first.', {
    code: 'last-compliance',
  })
}
