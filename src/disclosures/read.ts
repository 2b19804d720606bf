import { AppError } from '../errors.ts'
import type { JsonObject } from '../event/event.ts'
import type { SubjectId } from '../event/ids.ts'
import { isWaiting } from '../mail/outbox.ts'
import { shapeOf } from './ask.ts'
import { type ByOfficer, type DisclosureDeps, entryOf, orEnterRefusal, requireDpo } from './deps.ts'
import { openGround } from './ground.ts'
import { obstacleError } from './obstacle.ts'
import { wholePerson } from './person.ts'
import { requestHash } from './request.ts'
import { reveal } from './reveal.ts'
import { type Disclosure, readDisclosure, spendRead } from './rows.ts'
import { readObstacle } from './state.ts'

const ACTION = 'disclosure.read'

/**
 * One read under a request that was approved, or an emergency that opened. The read is used up first, then entered in
 * the audit log, then shown: one that fails on the way stays used. Shows what was approved and nothing else. Throws
 * AppError as `DisclosuresApi.data` says.
 */
export async function readData(deps: DisclosureDeps, { officer }: ByOfficer, id: string): Promise<JsonObject> {
  requireDpo(deps)
  const disclosure = await readDisclosure(deps.db, id)
  const refused = (code: string) =>
    entryOf(disclosure, { officer, action: ACTION, outcome: 'refused', more: { refused: code } })
  return orEnterRefusal(deps, refused, async () => {
    const person = await admit(deps, officer, disclosure)
    const read = await spendRead(deps.db, { id, by: officer, now: deps.now() })
    if (read === undefined) throw lostRace(await readDisclosure(deps.db, id), officer, deps.now())
    await enter(deps, officer, disclosure, { person, read })
    const shown = await reveal(deps, disclosure, person)
    return { id, kind: disclosure.kind, read, reads: disclosure.reads, expiresAt: expiry(disclosure), ...shown }
  })
}

/** Whether it may be read now. @returns the person; empty for nobody */
async function admit(deps: DisclosureDeps, officer: string, disclosure: Disclosure): Promise<SubjectId[]> {
  const obstacle = readObstacle(disclosure, officer, deps.now())
  if (obstacle !== undefined) throw obstacleError(obstacle)
  if (disclosure.emergency && deps.dpo === 'told' && (await isWaiting(deps.db, disclosure.id, 'emergency-asked'))) {
    const message =
      'The data protection officer was not told of it yet: the mail server does not take the mail. Nobody looks unseen.'
    throw new AppError('conflict', message, { code: 'dpo-not-told' })
  }
  if (disclosure.kind === 'retention-fuse') throw nothingToRead()
  if (disclosure.erased) throw personErased()
  // What is read is about whom it was approved for: rows that somebody exchanged do not open.
  if ((await openGround(deps, deps.db, disclosure)) === undefined) throw personErased()
  if (disclosure.subject === undefined) return []
  const person = await wholePerson(deps.db, disclosure.subject)
  if (person.length === 0) throw personErased()
  return person
}

async function enter(
  { audit }: DisclosureDeps,
  officer: string,
  disclosure: Disclosure,
  { person, read }: { readonly person: readonly SubjectId[]; readonly read: number },
): Promise<void> {
  const more = { ...shapeOf(disclosure), read, request: requestHash(disclosure).toString('base64url') }
  const entry = entryOf(disclosure, { officer, action: ACTION, outcome: 'released', more })
  await audit.append({ ...entry, about: person.map((subject) => ({ subject })) })
}

/** Somebody else was faster, or its time ended between the look and the read. */
function lostRace(disclosure: Disclosure, officer: string, now: number): AppError {
  return obstacleError(readObstacle(disclosure, officer, now) ?? 'grant-expired')
}

function expiry({ expiresAt }: Disclosure): string | null {
  return expiresAt === undefined ? null : new Date(expiresAt).toISOString()
}

function nothingToRead(): AppError {
  return new AppError('conflict', 'This lifts the fuse of a plan: weir retention run --plan HASH --lift-fuse ID.', {
    code: 'nothing-to-read',
  })
}

function personErased(): AppError {
  return new AppError('conflict', 'The person was erased since: nothing is left to show.', { code: 'person-erased' })
}
