import { spawn } from 'node:child_process'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { cp, mkdir, readdir, readFile, realpath, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { byteaArray, uuidArray } from '../../src/db/binary-array.ts'
import { startEmbedded } from '../../src/db/embedded.ts'
import { openPool } from '../../src/db/pool.ts'
import { subjectId } from '../../src/event/ids.ts'
import { openKeyring } from '../../src/keys/keyring.ts'
import { openFileProvider, readPassphrase } from '../../src/keys/providers/file.ts'
import { createLog } from '../../src/log.ts'
import { unwrapSubjectKey } from '../../src/protect/subject-key.ts'
import { ask, makeStation, type Station, WEIR } from '../support/gateway-process.ts'
import { openShop } from '../support/gateway-shop.ts'
import { runCommand } from '../support/run-command.ts'
import { until } from '../support/until.ts'

const stations: Station[] = []
afterEach(async () => {
  for (const station of stations.splice(0)) await station.remove()
})

interface Status {
  readonly classes: { class: string; active: number; decryptOnly: number[]; destroyed: number[] }[]
  readonly horizon: { unrecoverableAfter: string; erasedBefore: string | null }
  readonly backups: { backupId: string; holdsDestroyed: string[]; verifiedAt: string | null }[]
}

test('the shred horizon: who was erased before an epoch was destroyed cannot be opened in a backup from before', {
  timeout: 180_000,
}, async () => {
  const old = await station()
  const gateway = old.start()
  await gateway.answering()
  const shop = await openShop(old)
  for (const user of ['gone', 'stays']) {
    await shop.choose(gateway, user, true)
    expect(await shop.view(gateway, user, `seen-by-${user}`)).toEqual(['accepted'])
  }
  const ownerUrl = (await run(old, 'db-url')).url!
  const dump = join(dirname(old.data.path), 'dumps', 'then')
  await run(old, 'backup', dump)
  // Erased: the key and everything that it sealed. Who it was is known here by the order in which they came.
  const [erased] = await ask<{ subject_id: string }>(
    ownerUrl,
    'select subject_id from weir.sealed order by pos limit 1',
  )
  const subject = subjectId(erased!.subject_id)
  for (const table of ['sealed', 'identifier', 'consent_state', 'subject_key', 'subject']) {
    await ask(ownerUrl, `delete from weir.${table} where subject_id = '${subject}'`)
  }
  const rotated = (await run(old, 'keys', 'rotate', '--class', 'epoch')) as unknown as {
    kid: number
    rewrapped: number
  }
  expect(rotated.kid).toBe(2)
  const before = (await run(old, 'keys', 'status')) as unknown as Status
  expect(before.horizon.erasedBefore).toBeNull()
  expect(Date.parse(before.horizon.unrecoverableAfter)).toBeGreaterThan(Date.now())
  await run(old, 'keys', 'destroy', '--class', 'epoch', '--kid', '1')
  const after = (await run(old, 'keys', 'status')) as unknown as Status
  expect(after.classes[0]).toEqual({ class: 'epoch', active: 2, decryptOnly: [], destroyed: [1] })
  expect(Date.parse(after.horizon.erasedBefore!)).toBeLessThanOrEqual(Date.now())
  // Who stays is opened and served as before.
  expect(await shop.view(gateway, 'stays', 'seen-after')).toEqual(['accepted'])
  await until('the one who stays is delivered', async () => {
    const rows = await ask<{ item: string }>(ownerUrl, 'select item from recommendation.view')
    return rows.some((row) => row.item === 'seen-after')
  })
  expect(await gateway.stop()).toBe(0)

  // The operator, with the dump, the keyset as it is now and its passphrase:
  const fresh = await station({}, { empty: true })
  await run(fresh, 'restore', dump)
  await cp(join(old.data.path, 'keys'), join(fresh.data.path, 'keys'), { recursive: true })
  const start = fresh.start({ env: { WEIR_LOG_LEVEL: 'silent' } })
  expect((await start.ended).code).not.toBe(0)
  expect(start.said()).toMatch(/^weir: .*was destroyed.*nothing in a copy this old can be opened\n$/)
  const embedded = await startEmbedded({ dataDir: fresh.data.path, log: createLog({ level: 'silent' }) })
  const live = await startEmbedded({ dataDir: old.data.path, log: createLog({ level: 'silent' }) })
  const pools = [openPool({ url: embedded.ownerUrl }), openPool({ url: live.ownerUrl })] as const
  try {
    const [dumped, living] = pools
    const provider = await openFileProvider(await keysetOf(old))
    const { rows: sealed } = await dumped.$client.query<{ wrapped: Buffer }>(
      'select wrapped from weir.subject_key where subject_id = $1',
      [subject],
    )
    expect(sealed).toHaveLength(1)
    const everyKey = [...(await openKeyring(living, provider)).epoch.readable]
    const { rows: keys } = await dumped.$client.query<{ class: string; kid: number; wrapped: Buffer }>(
      'select class, kid, wrapped from weir.key',
    )
    for (const { wrapped, class: keyClass, kid } of keys) {
      const context = { class: keyClass === 'epoch' ? 'key-epoch' : keyClass, kid: String(kid) }
      await expect(provider.unwrap(wrapped, context)).rejects.toMatchObject({ code: 'key-root-destroyed' })
    }
    for (const { key } of everyKey) expect(() => unwrapSubjectKey(key, subject, sealed[0]!.wrapped)).toThrow()
  } finally {
    await Promise.all(pools.map((pool) => pool.$client.end()))
    await embedded.stop()
    await live.stop()
  }
})

test('the drill: a copy of the keys and a dump belong together, keep apart, and say what they hold of destroyed keys', {
  timeout: 180_000,
}, async () => {
  const weir = await station()
  const gateway = weir.start()
  await gateway.answering()
  const shop = await openShop(weir)
  await shop.choose(gateway, 'ann', true)
  for (const item of ['one', 'two', 'three']) expect(await shop.view(gateway, 'ann', item)).toEqual(['accepted'])
  const away = join(dirname(weir.data.path), 'away')
  await mkdir(away)
  const recovery = join(away, 'recovery')
  await writeFile(recovery, `${randomUUID()}\n`, { mode: 0o600 })
  const dump = join(dirname(weir.data.path), 'dumps', 'now')
  await run(weir, 'backup', dump)
  const copy = join(away, 'keys.json')
  const made = (await run(weir, 'keys', 'backup', copy, '--passphrase-file', recovery)) as unknown as {
    verified: boolean
    keys: string[]
  }
  expect(made.verified).toBe(true)
  expect(made.keys).toHaveLength(7)
  expect((await stat(copy)).mode & 0o777).toBe(0o600)
  for (const place of [join(weir.data.path, 'keys.json'), join(dump, 'keys.json'), join(dirname(dump), 'keys.json')]) {
    await expect(run(weir, 'keys', 'backup', place, '--passphrase-file', recovery)).rejects.toThrow(
      'keep the keys apart',
    )
  }
  await expect(run(weir, 'backup', join(away, 'dump'))).rejects.toThrow('a copy of the keys lies beside it')
  const own = join(weir.data.path, 'keys', 'passphrase')
  await expect(run(weir, 'keys', 'backup', join(away, 'same.json'), '--passphrase-file', own)).rejects.toThrow(
    'take another one',
  )
  const drill = ['keys', 'drill', '--dump', dump, '--keys', copy, '--passphrase-file', recovery]
  const drilled = (await run(weir, ...drill)) as unknown as { keys: number; tried: number; opened: number }
  expect(drilled).toMatchObject({ keys: 7, missing: [] })
  expect(drilled.tried).toBeGreaterThanOrEqual(3)
  expect(drilled.opened).toBe(drilled.tried)
  await stopDrill(weir, drill)

  // Officers' keys: either of two opens it, a third does not.
  const officers = await Promise.all(['a', 'b', 'c'].map((name) => officer(away, name)))
  const forOfficers = join(away, 'officers.json')
  await run(weir, 'keys', 'backup', forOfficers, '--to', officers[0]!.public, officers[1]!.public)
  for (const { private: file } of officers.slice(0, 2)) {
    expect(await run(weir, 'keys', 'verify', forOfficers, '--private-key', file)).toMatchObject({ missing: [] })
  }
  await expect(run(weir, 'keys', 'verify', forOfficers, '--private-key', officers[2]!.private)).rejects.toThrow(
    'does not open',
  )

  // A copy from before holds what is destroyed since: it is listed, and the horizon waits for it to expire.
  await run(weir, 'keys', 'rotate', '--class', 'epoch')
  await run(weir, 'keys', 'destroy', '--class', 'epoch', '--kid', '1')
  const status = (await run(weir, 'keys', 'status')) as unknown as Status
  expect(status.backups.map((one) => one.holdsDestroyed)).toEqual([['epoch/1'], ['epoch/1']])
  expect(status.horizon.erasedBefore).toBeNull()
  const later = join(away, 'later.json')
  const second = (await run(weir, 'keys', 'backup', later, '--passphrase-file', recovery)) as unknown as {
    keys: string[]
  }
  expect(second.keys).not.toContain('epoch/1')
  expect(second.keys).toContain('epoch/2')

  // The root is lost: another one, and the keys put back under it.
  expect(await gateway.stop()).toBe(0)
  const lost = { ...weir.env, WEIR_KEYS: `file:${join(away, 'new-root')}` }
  const again = await station(lost)
  const restored = (await run(again, 'keys', 'restore', later, '--passphrase-file', recovery)) as unknown as {
    same: string[]
  }
  expect(restored.same).toHaveLength(7)
  const restarted = again.start()
  await restarted.answering()
  expect(await shop.view(restarted, 'ann', 'four')).toEqual(['accepted'])
  const changed = JSON.parse(await readFile(later, 'utf8')) as { keys: string[] }
  await writeFile(join(away, 'changed.json'), JSON.stringify({ ...changed, keys: changed.keys.slice(1) }), {
    mode: 0o600,
  })
  await expect(run(again, 'keys', 'verify', join(away, 'changed.json'), '--passphrase-file', recovery)).rejects.toThrow(
    'was changed or cut off',
  )
  expect(await restarted.stop()).toBe(0)
})

test('a roll that is killed leaves every key openable, and is completed by the next one who keeps the keys', async () => {
  const weir = await station()
  const gateway = weir.start({ env: { WEIR_DELIVERY: 'off' } })
  await gateway.answering()
  const owner = openPool({ url: (await run(weir, 'db-url')).url!, max: 2 })
  try {
    const keyring = await openKeyring(owner, await openFileProvider(await keysetOf(weir)))
    const made = new Map<string, Buffer>()
    const subjects = Array.from({ length: 30_000 }, () => subjectId(randomUUID()))
    const rows = subjects.map((subject) => {
      const { wrapped, keys } = keyring.createSubjectKey(subject)
      made.set(subject, keys.key.export())
      return wrapped
    })
    await owner.$client.query(
      'insert into weir.subject_key (subject_id, key_version, wrapped) select s, 1, w from unnest($1::uuid[], $2::bytea[]) as n(s, w)',
      [uuidArray(subjects), byteaArray(rows)],
    )
    const under = async (kid: number): Promise<number> => {
      const { rows: found } = await owner.$client.query<{ n: number }>(
        'select count(*)::integer as n from weir.subject_key where substring(wrapped from 3 for 4) = $1',
        [Buffer.from([0, 0, 0, kid])],
      )
      return found[0]!.n
    }
    const child = spawn(process.execPath, [WEIR, 'keys', 'rotate', '--class', 'epoch'], {
      env: weir.env,
      stdio: 'ignore',
    })
    const ended = new Promise((resolve) => child.once('exit', resolve))
    await until('some are under the new epoch', async () => (await under(2)) > 0)
    child.kill('SIGKILL')
    await ended
    const [old, fresh] = [await under(1), await under(2)]
    expect(old + fresh).toBe(subjects.length)
    console.log(`killed with ${fresh} of ${subjects.length} keys wrapped anew`)
    await until('its lock is gone', async () =>
      run(weir, 'keys', 'keep').then(
        () => true,
        () => false,
      ),
    )
    expect([await under(1), await under(2)]).toEqual([0, subjects.length])
    const after = await openKeyring(owner, await openFileProvider(await keysetOf(weir)))
    const { rows: all } = await owner.$client.query<{ subject_id: string; wrapped: Buffer }>(
      'select subject_id, wrapped from weir.subject_key',
    )
    for (const row of all) {
      const { key } = after.unwrapSubjectKey(subjectId(row.subject_id), row.wrapped)
      expect(key.export().equals(made.get(row.subject_id)!)).toBe(true)
    }
  } finally {
    await owner.$client.end()
  }
  expect(await gateway.stop()).toBe(0)
})

/** A command in this process: one of its own costs a second each. */
async function run(at: Station, ...args: string[]): Promise<Record<string, string>> {
  const env = Object.fromEntries(Object.entries(at.env).filter(([, value]) => value !== undefined)) as Record<
    string,
    string
  >
  const ran = await runCommand([...args, '--json'], env)
  if (ran.code !== 0) throw new Error(ran.stderr)
  return JSON.parse(ran.stdout) as Record<string, string>
}

/** Stopped half-way it leaves no copy of the database behind. */
async function stopDrill(at: Station, drill: readonly string[]): Promise<void> {
  const places = join(dirname(at.data.path), 'temporary')
  await mkdir(places)
  const child = spawn(process.execPath, [WEIR, ...drill], { env: { ...at.env, TMPDIR: places }, stdio: 'ignore' })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  let place = ''
  await until('the copy is there', async () => {
    const [name = 'none'] = await readdir(places)
    place = await realpath(join(places, name, 'postgres')).catch(() => '')
    return place !== ''
  })
  child.kill('SIGTERM')
  expect(await ended).toBe(1)
  expect(await readdir(places)).toEqual([])
  await expect(stat(place)).rejects.toThrow('ENOENT')
}

async function officer(folder: string, name: string): Promise<{ public: string; private: string }> {
  const pair = generateKeyPairSync('x25519')
  const files = { public: join(folder, `${name}.pub.jwk`), private: join(folder, `${name}.jwk`) }
  await writeFile(files.public, JSON.stringify(pair.publicKey.export({ format: 'jwk' })))
  await writeFile(files.private, JSON.stringify(pair.privateKey.export({ format: 'jwk' })), { mode: 0o600 })
  return files
}

async function keysetOf(from: Station): Promise<{ path: string; passphrase: Buffer }> {
  const folder = join(from.data.path, 'keys')
  return { path: join(folder, 'keyset.json'), passphrase: await readPassphrase(join(folder, 'passphrase')) }
}

async function station(
  env: Record<string, string | undefined> = {},
  options: { readonly empty?: boolean } = {},
): Promise<Station> {
  const given = Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]))
  const made = await makeStation(Object.fromEntries(given), options)
  stations.push(made)
  return made
}
