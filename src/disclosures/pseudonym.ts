import { timingSafeEqual } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { Db, Tx } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import { type SubjectId, subjectId } from '../event/ids.ts'
import { readModuleRoot } from '../pipeline/module-root.ts'
import { type Naming, withKnownRoots } from '../pipeline/pseudonymisers.ts'
import type { Destination } from '../policy/compiled.ts'
import { type Pseudonymiser, startOfPeriod } from '../protect/pseudonymise.ts'
import type { DisclosureDeps } from './deps.ts'

const FORM = /^(?:p1|p2)\.([A-Za-z0-9_-]{4})\.(?:(\d{1,6})\.)?[A-Za-z0-9_-]{22}$/
const PAGE = 2_000

/** Whether a text has the form of a pseudonym. */
export function isPseudonym(text: string): boolean {
  return FORM.test(text) && text.startsWith('p2.') === (FORM.exec(text)?.[2] !== undefined)
}

/** A destination by its name. Throws AppError invalid `destination-unknown`. */
export function destinationOf({ active }: Pick<DisclosureDeps, 'active'>, name: string): Destination {
  const found = active().compiled.destinations.find((one) => one.name === name && one.kind === 'module')
  if (found !== undefined) return found
  throw new AppError('invalid', 'The policy has no destination of this name.', { code: 'destination-unknown' })
}

/**
 * Whose pseudonym of a destination this is; undefined for nobody's. A pseudonym leads back to nobody (it is an HMAC), so
 * every subject's is computed and compared: some 200,000 in a second. All of them are, found or not: how long it takes
 * tells nothing.
 */
export async function findByPseudonym(
  deps: Pick<DisclosureDeps, 'db' | 'active' | 'keyring' | 'pseudonymisers'>,
  destination: Destination,
  pseudonym: string,
): Promise<SubjectId | undefined> {
  const pseudonymiser = await pseudonymiserOf(deps, destination, pseudonym)
  if (pseudonymiser === undefined) return undefined
  const wanted = Buffer.from(pseudonym)
  let found: SubjectId | undefined
  let after = '00000000-0000-0000-0000-000000000000'
  for (;;) {
    const { rows } = await deps.db.$client.query<{ id: string }>(
      'select subject_id as id from weir.subject where subject_id > $1 order by subject_id limit $2',
      [after, PAGE],
    )
    for (const { id } of rows) {
      const own = Buffer.from(pseudonymiser.of(subjectId(id)))
      if (own.length === wanted.length && timingSafeEqual(own, wanted)) found = subjectId(id)
    }
    if (rows.length < PAGE) return found
    after = rows.at(-1)!.id
    await setImmediate() // others' turn
  }
}

/** Under the root and for the period that the pseudonym names; undefined where that root is not open any more. */
async function pseudonymiserOf(
  deps: Pick<DisclosureDeps, 'db' | 'active' | 'keyring' | 'pseudonymisers'>,
  destination: Destination,
  pseudonym: string,
): Promise<{ of(subject: SubjectId): string } | undefined> {
  const [, kidText, periodText] = FORM.exec(pseudonym) ?? []
  if (kidText === undefined || !isPseudonym(pseudonym)) return undefined
  const kid = Buffer.from(kidText, 'base64url').readUIntBE(0, 3)
  const { rollingDays } = await namingOf(deps, destination)
  if (periodText !== undefined && rollingDays === undefined) return undefined
  const days = periodText === undefined ? undefined : rollingDays
  const under = await opened(deps, destination, { kid, rollingDays: days })
  const at = startOfPeriod(Number(periodText ?? 0), days ?? 1)
  return under === undefined ? undefined : { of: (subject) => under.pseudonym(subject, at) }
}

async function opened(
  { keyring, pseudonymisers }: Pick<DisclosureDeps, 'keyring' | 'pseudonymisers'>,
  destination: Destination,
  naming: Naming,
): Promise<Pseudonymiser | undefined> {
  try {
    return await withKnownRoots(keyring, async () => pseudonymisers(destination, naming))
  } catch (error) {
    if (error instanceof AppError && error.code === 'pseudonym-root-unknown') return undefined // destroyed, or made up
    throw error
  }
}

/** The pseudonym by which the destination knows the subject now. */
export async function pseudonymAt(
  deps: Pick<DisclosureDeps, 'active' | 'keyring' | 'pseudonymisers' | 'now'> & { readonly db: Db | Tx },
  destination: Destination,
  subject: SubjectId,
): Promise<string> {
  const naming = await namingOf(deps, destination)
  const { pseudonymisers, keyring } = deps
  return withKnownRoots(keyring, async () => pseudonymisers(destination, naming).pseudonym(subject, deps.now()))
}

/** By which pseudonyms its rows are; where it has none yet, by which they will be. */
async function namingOf(
  { db, active, keyring }: Pick<DisclosureDeps, 'active' | 'keyring'> & { readonly db: Db | Tx },
  destination: Destination,
): Promise<Naming> {
  const id = active().destinationIds.get(destination.name)
  const root = id === undefined ? undefined : await readModuleRoot(db, id)
  if (root !== undefined && root.kid !== 0) return { kid: root.kid, rollingDays: root.rollingDays }
  return { kid: keyring.pseudonym.active.kid, rollingDays: destination.rollingDays }
}
