import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { receiptPage } from '../../src/rights/receipt-page.ts'
import { type GatewayProcess, makeStation, type Station, WEIR } from '../support/gateway-process.ts'
import { openShop, type Shop } from '../support/gateway-shop.ts'
import { until } from '../support/until.ts'

let station: Station
let gateway: GatewayProcess
let shop: Shop
let folder: string
const user = 'leakmark-of-ann'

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-scan-'))
  station = await makeStation({})
  gateway = station.start()
  await gateway.answering()
  shop = await openShop(station)
  for (const [who, product] of [
    [user, 'tea'],
    ['bob', 'cup'],
  ] as const) {
    await shop.choose(gateway, who, true)
    await shop.view(gateway, who, product)
  }
  await until('both are delivered', async () => Object.keys(await shop.delivered()).length === 2)
})
afterAll(async () => {
  await station?.remove()
  await rm(folder, { recursive: true })
})

interface Said {
  readonly code: number
  readonly document: Record<string, unknown>
  readonly stderr: string
}

/** A command that may fail: its exit code, and the one document that it answered. */
function weir(...args: string[]): Promise<Said> {
  return new Promise((resolve) => {
    execFile(process.execPath, [WEIR, ...args, '--json'], { env: station.env }, (error, stdout, stderr) => {
      const code = typeof error?.code === 'number' ? error.code : 0
      resolve({ code, document: JSON.parse(stdout) as Record<string, unknown>, stderr })
    })
  })
}

test('somebody who is known is found where they should be, and nowhere else; an erased one nowhere; files when they were cleaned', {
  timeout: 300_000,
}, async () => {
  const known = await weir('scan', '--identifier', `user_id=${user}`, '--case', 'DSR-7')
  expect(known).toMatchObject({ code: 1, document: { known: true, leftOver: [], coarse: false } })
  expect(known.document.columns).toBeGreaterThan(250)
  expect(known.document.hits).toContainEqual({ table: 'weir.identifier', column: 'index_key' })
  expect(known.document.hits).toContainEqual({ table: 'recommendation.view', column: 'subject' })

  const erased = await weir('erase', '--identifier', `user_id=${user}`, '--case', 'DSR-7')
  expect(erased.code).toBe(0)
  const file = join(folder, 'who.txt')
  await writeFile(file, `user_id=${user}\n`)
  const gone = await weir('scan', '--identifier-file', file)
  expect(gone).toMatchObject({ code: 0, document: { hits: [], known: false } })
  expect((await weir('scan', '--identifier', 'user_id=bob')).code).toBe(1)
  expect(await weir('scan', '--identifier', 'user_id=bob', '--case', 'Ann Smith')).toMatchObject({ code: 2 })
  expect(await weir('scan')).toMatchObject({ code: 2 })

  const files = await weir('scan', '--files', '--full')
  expect(files).toMatchObject({ code: 0, document: { erasures: 1, left: [] } })
  expect(await shop.delivered()).toEqual({ cup: 1 }) // the gateway runs on
  await shop.view(gateway, 'bob', 'later')
  await until('more is delivered', async () => (await shop.delivered()).later === 1)
})

test('a receipt is checked from its file and the keys alone, as the claims or as the page', {
  timeout: 120_000,
}, async () => {
  await shop.choose(gateway, 'carol', true)
  const { document } = await weir('erase', '--identifier', 'user_id=carol', '--case', 'DSR-8')
  const jws = String(document.receipt)
  const jwks = (await (await fetch(`${gateway.url}/.well-known/jwks.json`)).json()) as { keys: unknown[] }
  const [claims, keys, page] = ['receipt.jws', 'jwks.json', 'receipt.html'].map((name) => join(folder, name))
  await writeFile(claims!, jws)
  await writeFile(keys!, JSON.stringify(jwks))
  await writeFile(page!, await receiptPage(jws, { jwks, language: 'en', now: Date.now() }))

  const checked = await weir('verify-receipt', claims!, '--jwks', keys!)
  expect(checked).toMatchObject({
    code: 0,
    document: { ok: true, log: 'proved', keysFrom: 'file', claims: { right: 'erasure' } },
  })
  expect(checked.stderr).toBe('')
  const ofPage = await weir('verify-receipt', page!)
  expect(ofPage).toMatchObject({ code: 0, document: { ok: true, log: 'proved', keysFrom: 'page' } })
  expect(ofPage.stderr).toContain('hold them against /.well-known/jwks.json')
  expect(await weir('verify-receipt', claims!)).toMatchObject({ code: 2 }) // no keys
  await writeFile(page!, (await readFile(page!, 'utf8')).replace('destroyed', 'kept'))
  for (const more of [[], ['--jwks', keys!]]) {
    const reworded = await weir('verify-receipt', page!, ...more)
    expect(reworded).toMatchObject({ code: 1, document: { ok: false, problems: ['page'], page: 'changed' } })
  }

  const changed = `${jws.slice(0, 200)}${jws[200] === 'A' ? 'B' : 'A'}${jws.slice(201)}`
  await writeFile(claims!, changed)
  expect(await weir('verify-receipt', claims!, '--jwks', keys!)).toMatchObject({ code: 1, document: { ok: false } })
})
