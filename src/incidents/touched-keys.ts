import type { Tx } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import { KEY_CLASSES, type KeyClass } from '../keys/provider.ts'
import { PATIENT } from './found.ts'
import type { Scope } from './incident.ts'
import { type TouchDeps, type Touched, touchLog, touchPseudonyms, UNKNOWN } from './touched.ts'

/** Whom a key that somebody else has touches, and what it gives away: docs/incidents.md. Throws AppError invalid. */
export async function touchKey(tx: Tx, deps: TouchDeps, scope: Scope): Promise<Touched> {
  const { keyClass, kid } = await knownKey(tx, scope.target)
  switch (keyClass) {
    case 'epoch':
      return touchEpoch(tx, deps, kid)
    case 'index':
      return touchIndex(tx, deps, kid)
    case 'pseudonym':
      return touchPseudonyms(tx, deps, scope)
    case 'dedupe':
      return touchLog(tx, deps, scope)
    case 'token':
      return touchTokens(tx, deps)
    case 'tombstone': // tells of whoever was erased that they were there: nobody is left to count
      return { erased: { people: null, records: 0 }, recordsSince: null }
    case 'audit': // checkpoints can be forged from then on; witnesses have what was signed before
      return { recordsSince: null }
    default:
      return keyClass satisfies never
  }
}

/** `class/kid`, as weir keys prints them. */
async function knownKey(tx: Tx, target: string): Promise<{ keyClass: KeyClass; kid: number }> {
  const [, name, number] = /^([a-z]+)\/([1-9]\d{0,7})$/.exec(target) ?? []
  const keyClass = KEY_CLASSES.find((one) => one === name)
  const kid = Number(number)
  const known =
    keyClass !== undefined &&
    (await tx.$client.query('select from weir.key where class = $1 and kid = $2', [keyClass, kid])).rows.length > 0
  if (!known) throw new AppError('invalid', 'Name a key as weir keys status does, such as epoch/1.', UNKNOWN)
  return { keyClass, kid }
}

/**
 * Whose key is wrapped under the epoch, or was: a roll wraps everybody's anew, and an old backup has what was wrapped
 * before. The day is all that is known of when somebody came: who came on the day of the roll counts. Everything that is
 * kept of them is open to who has the epoch's key, the root's reach and the rows.
 */
async function touchEpoch(tx: Tx, { classes }: TouchDeps, kid: number): Promise<Touched> {
  await tx.$client.query({
    text: `insert into incident_found (subject_id, mask, records)
     select s.subject_id, $2::bigint, 1 from weir.subject s
     where exists (select from weir.subject_key k where k.subject_id = s.subject_id
         and ('x' || encode(substring(k.wrapped from 3 for 4), 'hex'))::bit(32)::integer = $1)
       or s.created_on <= (select coalesce(e.retired_at, e.destroyed_at, case when e.activated_at is not null
         then clock_timestamp() end)::date from weir.key e where e.class = 'epoch' and e.kid = $1)`,
    values: [kid, classes.all()],
    ...PATIENT,
  })
  return { erased: { people: null, records: 0 }, recordsSince: null }
}

/**
 * Whoever has the key tries out addresses and numbers: each that is on file answers. Of an index that was replaced an
 * old backup has the rows of whoever came before.
 */
async function touchIndex(tx: Tx, { classes }: TouchDeps, kid: number): Promise<Touched> {
  await tx.$client.query({
    text: `insert into incident_found (subject_id, mask, records)
     select subject_id, bit_or(case when type in ('email', 'phone') then $2::bigint else $3::bigint end), count(*)
     from weir.identifier i where index_version = $1 or exists (
       select from weir.subject s join weir.key k on k.class = 'index' and k.kid = $1 and s.created_on <= k.retired_at::date
       where s.subject_id = i.subject_id)
     group by subject_id`,
    values: [kid, classes.mask(['identity', 'contact']), classes.bit('identity')],
    ...PATIENT,
  })
  return { erased: { people: null, records: 0 }, recordsSince: null }
}

/** Devices with a secret, and officers: their addresses and seeds are sealed under what is made from it. */
async function touchTokens(tx: Tx, { classes }: TouchDeps): Promise<Touched> {
  await tx.$client.query({
    text: `insert into incident_found (subject_id, mask, records)
     select subject_id, $1::bigint, 1 from weir.consent_state where secret_hash is not null`,
    values: [classes.bit('identity')],
    ...PATIENT,
  })
  const { rows } = await tx.$client.query<{ n: number }>('select count(*)::integer as n from weir.officer')
  return { erased: { people: null, records: 0 }, officers: rows[0]!.n, recordsSince: null }
}
