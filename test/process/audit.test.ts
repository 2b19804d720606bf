import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort, type GatewayProcess, makeStation, type Station, WEIR } from '../support/gateway-process.ts'
import { until } from '../support/until.ts'

// An auditor's day over real processes: a gateway, a witness in other hands, an exported folder, a restored backup.
interface Verified {
  readonly ok: boolean
  readonly size: number
  readonly problems: readonly { readonly kind: string }[]
  readonly shards: readonly { readonly origin: string; readonly vkey?: string }[]
}

let station: Station
const stations: Station[] = []
let gateway: GatewayProcess
let authorization: string
const ENV = { WEIR_LOG_LEVEL: 'warn', WEIR_PUBLIC_URL: 'http://weir.test' }
let witness: { readonly vkey: string; readonly url: string; stop(): Promise<void> }
let vkey: string

beforeAll(async () => {
  station = await makeStation(ENV)
  stations.push(station)
  gateway = station.start()
  await gateway.answering()
  const source = await station.weir('source', 'add', 'shop', '--server')
  authorization = `Basic ${Buffer.from(`${source.writeKey}:${source.secret}`).toString('base64')}`
  await look()
  vkey = await keyOfLog()
  witness = await startWitness()
  expect(await gateway.stop()).toBe(0)
  gateway = station.start({ env: { WEIR_AUDIT_WITNESSES: `${witness.url} ${witness.vkey}` } })
  await gateway.answering()
})
afterAll(async () => {
  await witness?.stop()
  for (const one of stations) await one.remove()
})

async function look(): Promise<number> {
  const headers = { authorization, 'weir-user-id': 'ann' }
  return (await fetch(`${gateway.url}/v1/consent`, { headers })).status
}

async function weir(...args: string[]): Promise<{ code: number; out: unknown }> {
  const run = promisify(execFile)(process.execPath, [WEIR, ...args, '--json'], { env: station.env })
  const { code, stdout } = await run.then(
    ({ stdout: text }) => ({ code: 0, stdout: text }),
    (error: { code: number; stdout: string }) => error,
  )
  return { code, out: JSON.parse(stdout) as unknown }
}

async function verify(...args: string[]): Promise<Verified> {
  return (await weir('audit', 'verify', ...args)).out as Verified
}

async function keyOfLog(): Promise<string> {
  await until('something is signed', async () => ((await verify()) as Verified).size > 0)
  const folder = join(station.data.path, '..', `key-${Date.now()}`)
  await weir('audit', 'export', folder)
  const year = new Date().getUTCFullYear()
  return (await readFile(join(folder, 'shards', String(year), 'vkey'), 'utf8')).trim()
}

async function startWitness(): Promise<typeof witness> {
  const state = join(station.data.path, '..', 'witness')
  const port = await freePort()
  const args = ['audit', 'witness', '--state', state, '--listen', `127.0.0.1:${port}`, '--log', vkey, '--json']
  const child = spawn(process.execPath, [WEIR, ...args], { env: station.env, stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.on('data', (text: Buffer) => {
    said += String(text)
  })
  await until('the witness listens', () => said.includes('\n'))
  const { vkey: key, url } = JSON.parse(said) as { vkey: string; url: string }
  return {
    vkey: key,
    url,
    async stop() {
      child.kill('SIGTERM')
      if (child.exitCode === null) await once(child, 'exit')
    },
  }
}

async function unwitnessed(): Promise<number> {
  const text = await (await fetch(`${gateway.url}/metrics`)).text()
  return Number(/^weir_audit_oldest_unwitnessed_seconds ([\d.e+-]+)$/m.exec(text)?.[1])
}

test('a witness cosigns while the gateway works, and what verify finds in the database it finds in the folder', async () => {
  for (let i = 0; i < 20; i++) expect(await look()).toBe(200)
  await until('all of it is cosigned', async () => (await unwitnessed()) === 0)
  const found = await verify('--key', vkey, '--witness', witness.vkey)
  expect(found).toMatchObject({ ok: true, problems: [] })
  const folder = join(station.data.path, '..', 'export')
  expect((await weir('audit', 'export', folder)).code).toBe(0)
  const offline = await weir('audit', 'verify', '--export', folder, '--key', vkey, '--witness', witness.vkey)
  expect(offline).toMatchObject({ code: 0, out: { ok: true } })
  const own = await promisify(execFile)(process.execPath, [join(folder, 'verify.mjs'), '--json', '--key', vkey], {
    env: {},
  })
  expect(JSON.parse(own.stdout)).toMatchObject({ ok: true, size: (offline.out as Verified).size })
  await rm(folder, { recursive: true })
})

test('a receipt is checked with nothing but the keys, and another entry is not proved by it', async () => {
  const file = join(station.data.path, '..', 'one.tlog-proof')
  expect((await weir('audit', 'prove', '1', '--out', file)).code).toBe(0)
  const args = ['audit', 'verify-receipt', file, '--key', vkey, '--witness', witness.vkey]
  expect(await weir(...args)).toMatchObject({ code: 0, out: { ok: true, outcome: 'valid', index: 1 } })
  await writeFile(`${file}.other`, (await readFile(file, 'utf8')).replace('index 1', 'index 0'))
  expect(await weir(...args.with(2, `${file}.other`))).toMatchObject({ code: 1, out: { ok: false } })
})

test('after a restore the log goes on under another origin, and the witness goes along', async () => {
  const copy = join(station.data.path, '..', 'copy')
  expect((await weir('backup', copy)).code).toBe(0)
  for (let i = 0; i < 5; i++) await look() // entered, signed, cosigned: and not in the copy
  await until('all of it is cosigned', async () => (await unwitnessed()) === 0)
  const before = await verify()
  expect(await gateway.stop()).toBe(0)
  const keys = join(station.data.path, 'keys')
  const ledger = join(station.data.path, 'erasures.jsonl')
  station = await makeStation(ENV, { empty: true }) // another machine
  stations.push(station)
  expect((await weir('restore', copy)).code).toBe(0)
  await cp(keys, join(station.data.path, 'keys'), { recursive: true })
  await cp(ledger, join(station.data.path, 'erasures.jsonl'))
  expect((await weir('erase', '--replay')).code).toBe(0)
  gateway = station.start({ env: { WEIR_AUDIT_WITNESSES: `${witness.url} ${witness.vkey}` } })
  await gateway.answering()
  expect(await look()).toBe(200)
  await until('it is signed and cosigned', async () => (await unwitnessed()) === 0)
  const after = await verify('--key', vkey, '--witness', witness.vkey)
  expect(after).toMatchObject({ ok: true, problems: [] })
  expect(after.shards.at(-1)!.origin).toMatch(/\/audit\/\d{4}-\d{2,}$/)
  expect(after.size).toBeLessThan(before.size + 20)
  expect(gateway.said()).not.toMatch(/not signed/)
})
