import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openPool } from '../../src/db/pool.ts'
import { type DataDir, makeDataDir } from '../support/data-dir.ts'
import { ask, type GatewayProcess, makeStation, type Station, WEIR } from '../support/gateway-process.ts'
import { openShop } from '../support/gateway-shop.ts'
import { until } from '../support/until.ts'

// DATABASE_URL: a server that is not ours, with one ordinary user. Each test is another way to give it just enough.
let server: DataDir
let superuserUrl: string
const stations: Station[] = []

beforeAll(async () => {
  server = await makeDataDir()
  superuserUrl = (await server.start()).superuserUrl
  // As a server is before anybody heard of Weir.
  await ask(superuserUrl, 'drop database weir')
  await ask(superuserUrl, 'drop owned by weir_owner, weir_app')
  await ask(superuserUrl, 'drop role weir_owner, weir_app')
})
afterAll(async () => {
  for (const station of stations) await station.remove()
  await server.remove()
})

test('a user with too few rights is told which, in one line', async () => {
  const gateway = (await stationOf('poor', '')).start({ env: { WEIR_LOG_LEVEL: 'silent' } })
  expect((await gateway.ended).code).toBe(1)
  expect(gateway.said()).toMatch(/^weir: the user of DATABASE_URL has too few rights: .*admin option.*\n$/)
  expect(gateway.said().match(/weir_\w+/g)).toEqual((await rolesToGrant()).split(', '))
})

test('what is wrong with DATABASE_URL is one line and never the URL', async () => {
  const station = await stationOf('typo', '')
  const cases: [string, string][] = [
    [url('typo').replace(':secret-of-typo@', ':guess@'), 'refuses the user or the password'],
    [url('typo').replace(/\/typo$/, '/nowhere'), 'is not there'],
    [url('typo').replace(/:\d+\//, ':1/'), 'does not answer (ECONNREFUSED)'],
  ]
  for (const [DATABASE_URL, what] of cases) {
    const gateway = station.start({ env: { DATABASE_URL, WEIR_LOG_LEVEL: 'silent' } })
    expect((await gateway.ended).code).toBe(1)
    expect(gateway.said().split('\n')).toEqual([expect.stringContaining(what), ''])
    expect(gateway.said()).not.toContain('secret-of')
  }
})

test('a user who owns the database and may make roles: migrates, serves and delivers as weir_app', async () => {
  const station = await stationOf('maker', 'createrole')
  await serves(station, 'maker')
})

test('a user without any attribute, given every role: the same, on a server where another Weir lives', async () => {
  const station = await stationOf('plain', '')
  await ask(superuserUrl, `grant ${await rolesToGrant()} to plain with admin option`)
  await serves(station, 'plain')
})

/** What docs/operations.md tells an administrator to grant who does not hand out createrole. */
async function rolesToGrant(): Promise<string> {
  const [, roles] = /^grant (.+) to weir with admin option;$/m.exec(await readFile('docs/operations.md', 'utf8')) ?? []
  return roles ?? ''
}

async function serves(station: Station, user: string): Promise<void> {
  const gateway = station.start({ env: { WEIR_WORKERS: '2' } })
  await gateway.answering()
  const shop = await openShop(station)
  expect(shop.ownerUrl).toBe(url(user))
  await shop.choose(gateway, 'ann', true)
  expect(await shop.view(gateway, 'ann', 'tea', 'cup')).toEqual(['accepted', 'accepted'])
  await until('it is delivered', async () => Object.keys(await shop.delivered()).length === 2)
  expect((await fetch(`${gateway.url}/readyz`)).status).toBe(200)
  await actsAsGateway(user)
  await backupIsRefused(station)
  expect(await gateway.stop()).toBe(0)
  await restarts(station)
}

/** The role that the gateway's connections take on is in force, and can do what is granted and nothing else. */
async function actsAsGateway(user: string): Promise<void> {
  const db = openPool({ url: url(user), role: 'weir_app', max: 1 })
  const { rows } = await db.$client.query('select current_user, session_user')
  expect(rows).toEqual([{ current_user: 'weir_app', session_user: user }])
  for (const forbidden of [
    'create table weir.mine (id int)',
    'drop table weir.consent_ledger',
    'update weir.consent_ledger set granted = 1',
    'delete from weir.audit_entry',
    'insert into recommendation.view values (1)',
    'delete from attribution.touch',
    'select weir.count_orders(1)',
    `insert into weir.source (name, kind, write_key_hash) values ('x', 'server', '')`,
    'create schema mine',
    'set role weir_owner',
  ]) {
    await expect(db.$client.query(forbidden), forbidden).rejects.toThrow(
      /permission denied|must be owner|does not exist/,
    )
  }
  await db.$client.query('set role weir_recommendation') // a module's, for the length of handle()
  await expect(db.$client.query('select from weir.identifier')).rejects.toMatchObject({ code: '42501' })
  await db.$client.query('set role weir_retention') // that which detaches partitions, for that statement
  await expect(db.$client.query('create table weir.mine (id int)')).rejects.toMatchObject({ code: '42501' })
  await db.$client.query('set role weir_statutory') // what a law keeps, and nothing beside it
  await expect(db.$client.query('select from weir.identifier')).rejects.toMatchObject({ code: '42501' })
  await db.$client.end()
}

async function backupIsRefused(station: Station): Promise<void> {
  const refused = await promisify(execFile)(process.execPath, [WEIR, 'backup', `${station.data.path}/copy`], {
    env: station.env,
  }).catch((error: { code: number; stderr: string; stdout: string }) => error)
  expect(refused).toMatchObject({ code: 1, stdout: '' })
  expect(refused.stderr).toMatch(/^weir: DATABASE_URL is set: .*provider's own tools.*\n$/)
}

async function restarts(station: Station): Promise<void> {
  const again: GatewayProcess = station.start()
  await again.answering()
  expect(await again.stop()).toBe(0)
}

function url(user: string): string {
  const { host } = new URL(superuserUrl)
  return `postgres://${user}:secret-of-${user}@${host}/${user}`
}

/** A user with a database of the same name, and a station whose gateways use it. */
async function stationOf(user: string, attributes: string): Promise<Station> {
  await ask(superuserUrl, `create role ${user} login ${attributes} password 'secret-of-${user}'`)
  await ask(superuserUrl, `create database ${user} owner ${user}`)
  const station = await makeStation({ DATABASE_URL: url(user) })
  stations.push(station)
  return station
}
