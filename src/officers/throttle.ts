import { createHmac, type KeyObject } from 'node:crypto'
import type { Db, Tx } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import { lpConcat } from '../protect/layouts.ts'
import { remaining, waitFor, waitForCode, waitForFactor } from './throttle-policy.ts'

export interface ThrottleDeps {
  readonly db: Db
  readonly key: KeyObject
  /** Milliseconds since 1970. */
  readonly now: number
}

/** Who wants in: the account's index, and the network, already truncated. */
export interface Attempt {
  readonly account: Uint8Array
  readonly prefix: string
}

const TRUST_DAYS = 30
const DAY_MS = 86_400_000

/**
 * Counts an attempt as failed before anything is looked at, so that many at once are many; `forgive` takes it back.
 * Throws AppError 429 `too-many-attempts` where it is not time yet, and whatever the database throws: where counters
 * cannot be read nobody signs in.
 * @returns whether both factors were right from this network lately
 */
export async function admit(deps: ThrottleDeps, attempt: Attempt): Promise<{ trusted: boolean }> {
  const keys = keysOf(deps.key, attempt)
  await forgetOld(deps)
  const { ms: wait, trusted } = await transaction(deps.db, async (tx) => {
    const rows = await lockRows(tx, Object.values(keys), deps.now)
    const pair = rows.get(name(keys.pair))!
    const account = rows.get(name(keys.account))!
    const prefix = rows.get(name(keys.prefix))!
    const { ms, because } = waitFor({ pair, account, prefix }, deps.now)
    if (ms > 0 && because !== 'account') throw new TooSoon(ms) // and no row of it stays: names may be made up
    if (ms === 0) await count(tx, [pair, account, prefix], deps.now)
    return { ms, trusted: pair.trustedUntil > deps.now }
  }).catch((error: unknown) => {
    if (error instanceof TooSoon) return { ms: error.ms, trusted: false }
    throw error
  })
  if (wait > 0) throw tooManyAttempts(wait)
  return { trusted }
}

/** The attempt was no failure. `trusted`: both factors were right, and this network is known for a while. */
export async function forgive(db: Db | Tx, deps: Omit<ThrottleDeps, 'db'>, attempt: Attempt): Promise<void> {
  const keys = keysOf(deps.key, attempt)
  await db.$client.query(
    `update weir.login_throttle set failures = case when key = $2 then 0 else greatest(failures - 1, 0) end,
       trusted_until = case when key = $2 then $3 else trusted_until end
     where key = any($1::bytea[])`,
    [Object.values(keys), keys.pair, new Date(deps.now + TRUST_DAYS * DAY_MS)],
  )
}

/** The attempt was not made after all. */
export async function takeBack({ db, key }: ThrottleDeps, attempt: Attempt): Promise<void> {
  await db.$client.query(
    'update weir.login_throttle set failures = greatest(failures - 1, 0) where key = any($1::bytea[])',
    [Object.values(keysOf(key, attempt))],
  )
}

/** Whether codes for an account are not looked at now, since too many wrong ones came with the right password. */
export async function codesLocked({ db, key, now }: ThrottleDeps, account: Uint8Array): Promise<boolean> {
  const { rows } = await db.$client.query<{ failures: number; last_at: Date }>(
    'select failures, last_at from weir.login_throttle where key = $1',
    [codesKey(key, account)],
  )
  const [row] = rows
  return row !== undefined && waitForCode({ failures: row.failures, lastAt: row.last_at.getTime() }, now) > 0
}

/** Counts a wrong code beside the right password; `proved` false counts nothing, and as much is done. */
export async function countCode(
  { db, key, now }: ThrottleDeps,
  account: Uint8Array,
  { proved }: { readonly proved: boolean },
): Promise<void> {
  await transaction(db, async (tx) => {
    const [row] = [...(await lockRows(tx, [codesKey(key, account)], now)).values()]
    await tx.$client.query('update weir.login_throttle set failures = $2, last_at = $3 where key = $1', [
      row!.key,
      proved ? remaining(row!, now) + 1 : row!.failures,
      new Date(proved ? now : row!.lastAt),
    ])
  })
}

/** The same for a code or password that somebody who is signed in shows: one counter for an officer. */
export async function admitFactor(deps: ThrottleDeps, officer: string): Promise<void> {
  const wait = await transaction(deps.db, async (tx) => {
    const [row] = [...(await lockRows(tx, [factorKey(deps.key, officer)], deps.now)).values()]
    const ms = waitForFactor(row!, deps.now)
    if (ms === 0) await count(tx, [row!], deps.now)
    return ms
  })
  if (wait > 0) throw tooManyAttempts(wait)
}

export async function forgiveFactor(db: Db | Tx, key: KeyObject, officer: string): Promise<void> {
  await db.$client.query('update weir.login_throttle set failures = 0 where key = $1', [factorKey(key, officer)])
}

class TooSoon extends Error {
  readonly ms: number
  constructor(ms: number) {
    super('too soon')
    this.ms = ms
  }
}

interface Row {
  readonly key: Buffer
  readonly failures: number
  readonly lastAt: number
  readonly trustedUntil: number
}

/** Makes the rows where they are not there and locks them, in the order of their keys. */
async function lockRows(tx: Tx, keys: readonly Buffer[], now: number): Promise<Map<string, Row>> {
  const { rows } = await tx.$client.query<Omit<Row, 'lastAt' | 'trustedUntil'> & { last_at: Date; until: Date | null }>(
    `insert into weir.login_throttle (key, failures, last_at) select key, 0, $2 from unnest($1::bytea[]) as k(key)
     on conflict (key) do update set failures = login_throttle.failures
     returning key, failures, last_at, trusted_until as until`,
    [keys.toSorted((a, b) => Buffer.compare(a, b)), new Date(now)],
  )
  return new Map(
    rows.map(({ key, failures, last_at, until }) => [
      name(key),
      { key, failures, lastAt: last_at.getTime(), trustedUntil: until?.getTime() ?? 0 },
    ]),
  )
}

async function count(tx: Tx, rows: readonly Row[], now: number): Promise<void> {
  await tx.$client.query(
    `update weir.login_throttle t set failures = n.failures, last_at = $3
     from unnest($1::bytea[], $2::integer[]) as n(key, failures) where t.key = n.key`,
    [rows.map(({ key }) => key), rows.map((row) => remaining(row, now) + 1), new Date(now)],
  )
}

/** Some of what no longer says anything, with every attempt: as much goes as comes. */
async function forgetOld({ db, now }: ThrottleDeps): Promise<void> {
  await db.$client.query(
    `delete from weir.login_throttle where key in (
       select key from weir.login_throttle where last_at < $1 and coalesce(trusted_until < $2, true)
       order by last_at limit 20 for update skip locked)`,
    [new Date(now - DAY_MS), new Date(now)],
  )
}

function keysOf(key: KeyObject, { account, prefix }: Attempt): Record<'pair' | 'account' | 'prefix', Buffer> {
  const of = (...parts: readonly (string | Uint8Array)[]): Buffer =>
    createHmac('sha256', key)
      .update(lpConcat('gw/v1/throttle', ...parts))
      .digest()
      .subarray(0, 16)
  return { pair: of('pair', account, prefix), account: of('account', account), prefix: of('prefix', prefix) }
}

function codesKey(key: KeyObject, account: Uint8Array): Buffer {
  return createHmac('sha256', key)
    .update(lpConcat('gw/v1/throttle', 'codes', account))
    .digest()
    .subarray(0, 16)
}

function factorKey(key: KeyObject, officer: string): Buffer {
  return createHmac('sha256', key)
    .update(lpConcat('gw/v1/throttle', 'factor', officer))
    .digest()
    .subarray(0, 16)
}

function name(key: Buffer): string {
  return key.toString('base64url')
}

function tooManyAttempts(ms: number): AppError {
  return new AppError('overloaded', 'Too many attempts: wait as long as Retry-After says.', {
    code: 'too-many-attempts',
    status: 429,
    retryAfter: Math.ceil(ms / 1000),
  })
}
