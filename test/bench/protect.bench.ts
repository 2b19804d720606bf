import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { BenchResult } from '../../src/cli/bench.ts'
import { byteaArray, uuidArray } from '../../src/db/binary-array.ts'
import { type Db, openPool } from '../../src/db/pool.ts'
import { subjectId } from '../../src/event/ids.ts'
import { blindIndex } from '../../src/identity/blind-index.ts'
import { generateKey } from '../../src/keys/key-table.ts'
import { openKeyring } from '../../src/keys/keyring.ts'
import { openFileProvider, readPassphrase } from '../../src/keys/providers/file.ts'
import type { NewCredentials } from '../../src/officers/accounts.ts'
import { makePseudonymiser } from '../../src/protect/pseudonymise.ts'
import { openRecord, sealRecord } from '../../src/protect/seal.ts'
import { generateSubjectKey, subjectKeys, unwrapSubjectKey, wrapSubjectKey } from '../../src/protect/subject-key.ts'
import { approveFuse } from '../support/lifted-fuse.ts'
import { asOfficer, type Officer } from '../support/officers.ts'
import { createShopClient, progress, quantile, rounded, type ShopClient } from './client.ts'
import { makeExpiredPartition, makeExpiredTouches } from './expired-rows.ts'
import { type Gateway, startGateway } from './gateway.ts'

const SUBJECTS = Number(process.env.WEIR_BENCH_SUBJECTS ?? 1_000_000)
const BY_PARTITION = Number(process.env.WEIR_BENCH_PARTITION_ROWS ?? 10_000_000)
const BY_ROW = Number(process.env.WEIR_BENCH_ROWS ?? 1_000_000)
const MAX_GROWTH = 1.3
const EVENT_EVERY_MS = 20
const BASELINE_MS = 10_000

/**
 * What protection costs a second of one core; then, on a gateway that takes 50 events a second meanwhile, a roll of the
 * key epoch over a million subjects, and retention of ten million rows by partition and of a million one by one.
 */
export async function run(): Promise<BenchResult> {
  const micro = costs()
  const gateway = await startGateway({ WEIR_DELIVERY: 'off' })
  const { url } = await gateway.weir('db-url')
  const owner = openPool({ url: url!, max: 2 })
  try {
    const shop = await createShopClient(gateway)
    await consent(shop)
    const quiet = await latencyWhile(shop, () => delay(BASELINE_MS))
    const rolled = await roll(gateway, owner, shop)
    const partition = await retain(gateway, shop, () => makeExpiredPartition(owner, BY_PARTITION))
    const byRow = await retain(gateway, shop, () => makeExpiredTouches(owner, BY_ROW))
    const figures = {
      ...micro,
      intake_p99_ms_quiet: quiet.p99,
      rewrap_subject_keys: SUBJECTS,
      rewrap_seconds: rolled.seconds,
      rewrap_per_second: Math.round(SUBJECTS / rolled.seconds),
      rewrap_table_growth: rolled.growth,
      rewrap_intake_p99_ms: rolled.p99,
      partition_rows: BY_PARTITION,
      partition_seconds: partition.seconds,
      partition_intake_p99_ms: partition.p99,
      by_row_rows: BY_ROW,
      by_row_seconds: byRow.seconds,
      by_row_per_second: Math.round(BY_ROW / byRow.seconds),
      by_row_intake_p99_ms: byRow.p99,
    }
    const what = 'growth of the table of subject keys by a roll of the epoch, at most'
    return {
      name: 'protect',
      figures,
      goals: [{ what, goal: MAX_GROWTH, value: rolled.growth, met: rolled.growth < MAX_GROWTH }],
    }
  } finally {
    await owner.$client.end()
    await gateway.stop()
  }
}

/** Operations a second of one core, by the CPU time of this process. */
function costs(): Record<string, number> {
  const subject = subjectId(randomUUID())
  const key = generateSubjectKey()
  const keys = subjectKeys(key, 1)
  const epoch = generateKey()
  const header = { kid: 1, keyVersion: 1 }
  const place = { subject, table: 'sealed', group: 'behaviour', record: Buffer.alloc(16, 1) }
  const group = keys.group('sealed', 'behaviour')
  const content = Buffer.alloc(100, 7)
  const sealed = sealRecord(group, place, { keyVersion: 1, contextId: 101 }, content)
  const wrapped = wrapSubjectKey(epoch, header, subject, key)
  const pseudonyms = makePseudonymiser(generateKey(), 1, 'attribution', 'bench')
  const index = generateKey()
  return {
    seal_100_bytes_per_second: rate(() => sealRecord(group, place, { keyVersion: 1, contextId: 101 }, content)),
    open_100_bytes_per_second: rate(() => openRecord(group, place, sealed)),
    pseudonym_per_second: rate(() => pseudonyms.token('event', place.record)),
    index_per_second: rate(() => blindIndex(index, 'user_id', 'somebody-4711')),
    wrap_subject_key_per_second: rate(() => wrapSubjectKey(epoch, header, subject, key)),
    unwrap_subject_key_per_second: rate(() => unwrapSubjectKey(epoch, subject, wrapped)),
  }
}

const ROUNDS = 5
const CPU_MICROSECONDS = 500_000

function rate(work: () => unknown): number {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const start = process.cpuUsage()
    let spent = 0
    let done = 0
    while (spent < CPU_MICROSECONDS) {
      for (let i = 0; i < 200; i++) work()
      done += 200
      const { user, system } = process.cpuUsage(start)
      spent = user + system
    }
    return done / (spent / 1e6)
  })
  return Math.round(rounds.toSorted((a, b) => a - b)[ROUNDS >> 1]!)
}

async function consent(shop: ShopClient): Promise<void> {
  await shop.post('/v1/consent', { userId: 'bench', choices: { attribution: true, personalisation: true } })
}

/** Sends an event every 20 ms while `work` goes on. */
async function latencyWhile(shop: ShopClient, work: () => Promise<unknown>): Promise<{ p99: number; seconds: number }> {
  const taken: number[] = []
  let working = true
  const sending = (async () => {
    while (working) {
      const sentAt = performance.now()
      const properties = { product_id: 'sku-1' }
      await shop.post('/v1/track', { messageId: randomUUID(), event: 'Product Viewed', userId: 'bench', properties })
      taken.push(performance.now() - sentAt)
      await delay(Math.max(0, EVENT_EVERY_MS - (performance.now() - sentAt)))
    }
  })()
  const startedAt = performance.now()
  try {
    await work()
  } finally {
    working = false
    await sending
  }
  return { p99: rounded(quantile(taken, 0.99)), seconds: rounded((performance.now() - startedAt) / 1000) }
}

interface Rolled {
  readonly seconds: number
  readonly p99: number
  readonly growth: number
}

async function roll(gateway: Gateway, owner: Db, shop: ShopClient): Promise<Rolled> {
  await fillSubjectKeys(gateway, owner)
  const before = await sizeOf(owner)
  progress(`rolling the epoch over ${SUBJECTS} subject keys`)
  const measured = await latencyWhile(shop, () => gateway.weir('keys', 'rotate', '--class', 'epoch'))
  return { ...measured, growth: rounded((await sizeOf(owner)) / before) }
}

async function fillSubjectKeys(gateway: Gateway, owner: Db): Promise<void> {
  const folder = join(gateway.dataDir, 'keys')
  const location = { path: join(folder, 'keyset.json'), passphrase: await readPassphrase(join(folder, 'passphrase')) }
  const keyring = await openKeyring(owner, await openFileProvider(location))
  progress(`making ${SUBJECTS} subject keys`)
  for (let from = 0; from < SUBJECTS; from += 20_000) {
    const subjects = Array.from({ length: Math.min(20_000, SUBJECTS - from) }, () => subjectId(randomUUID()))
    await owner.$client.query(
      'insert into weir.subject_key (subject_id, key_version, wrapped) select s, 1, w from unnest($1::uuid[], $2::bytea[]) as n(s, w)',
      [uuidArray(subjects), byteaArray(subjects.map((one) => keyring.createSubjectKey(one).wrapped))],
    )
  }
  await owner.$client.query('vacuum analyze weir.subject_key')
}

async function sizeOf(owner: Db): Promise<number> {
  const { rows } = await owner.$client.query<{ bytes: string }>(
    `select pg_total_relation_size('weir.subject_key')::text as bytes`,
  )
  return Number(rows[0]!.bytes)
}

async function retain(
  gateway: Gateway,
  shop: ShopClient,
  make: () => Promise<{ readonly rows: number; readonly part?: string }>,
): Promise<{ p99: number; seconds: number }> {
  progress('making what has expired')
  const made = await make()
  const lift = ['--lift-fuse', await liftedFor(gateway)]
  progress(`retention of ${made.rows} rows ${made.part === undefined ? 'one by one' : 'by partition'}`)
  return latencyWhile(shop, async () => {
    const { hash } = await gateway.weir('retention', 'plan')
    await gateway.weir('retention', 'run', '--plan', hash!, ...lift)
  })
}

/** An approval of the plan as it is now, by two officers made for it. */
async function liftedFor(gateway: Gateway): Promise<string> {
  const { hash } = await gateway.weir('retention', 'plan')
  const [asker, approver] = [await officerOf(gateway), await officerOf(gateway)]
  return approveFuse(gateway, { asker, approver }, hash!)
}

async function officerOf(gateway: Gateway): Promise<Officer> {
  const email = `${randomUUID()}@bench.example`
  const made = await gateway.weir('officer', 'add', '--email', email, '--role', 'compliance')
  return asOfficer(made as unknown as NewCredentials, 'compliance', email) // what the command answers
}
