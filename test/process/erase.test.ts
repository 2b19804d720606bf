import { randomUUID } from 'node:crypto'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { ask, makeStation, type Station } from '../support/gateway-process.ts'
import { openShop } from '../support/gateway-shop.ts'
import { until } from '../support/until.ts'

const stations: Station[] = []
afterEach(async () => {
  for (const station of stations.splice(0)) await station.remove()
})

test('a backup from before an erasure, restored: refused until it was erased again, and then she is not there', {
  timeout: 180_000,
}, async () => {
  const old = await station()
  const gateway = old.start()
  await gateway.answering()
  const shop = await openShop(old)
  for (const user of ['ann', 'bob']) {
    await shop.choose(gateway, user, true)
    expect(await shop.view(gateway, user, `of-${user}`)).toEqual(['accepted'])
  }
  await until('both are delivered', async () => Object.keys(await shop.delivered()).length === 2)
  const copy = join(dirname(old.data.path), `copy-${randomUUID()}`)
  await old.weir('backup', copy)

  const erased = (await old.weir(
    'erase',
    '--identifier',
    'user_id=ann',
    '--case',
    'DSR-1',
    '--prove',
  )) as unknown as Erased
  expect(erased.scan).toEqual({ columns: expect.any(Number), hits: [] })
  expect(erased.modules).toEqual(
    expect.arrayContaining([{ name: 'recommendation', rowsErased: expect.any(Number), equalToRebuild: true }]),
  )
  expect(await shop.delivered()).toEqual({ 'of-bob': 1 })
  expect(erased.salt).toMatch(/^[\w-]{43}$/) // the check code, which the person gets from the operator
  const receipt = join(dirname(old.data.path), `receipt-${randomUUID()}.jws`)
  await writeFile(receipt, erased.receipt)
  const jwks = join(dirname(old.data.path), `jwks-${randomUUID()}.json`)
  await writeFile(jwks, await (await fetch(`${gateway.url}/.well-known/jwks.json`)).text())
  expect(await old.weir('verify-receipt', receipt, '--jwks', jwks)).toMatchObject({ ok: true })
  expect(await gateway.stop()).toBe(0)

  const fresh = await station({ empty: true })
  await fresh.weir('restore', copy)
  await cp(join(old.data.path, 'keys'), join(fresh.data.path, 'keys'), { recursive: true, force: true })
  await cp(join(old.data.path, 'erasures.jsonl'), join(fresh.data.path, 'erasures.jsonl'))
  expect(await readFile(join(fresh.data.path, 'erasures.jsonl'), 'utf8')).not.toContain('ann')
  const refused = fresh.start({ env: { WEIR_LOG_LEVEL: 'silent' } })
  expect((await refused.ended).code).not.toBe(0)
  expect(refused.said()).toMatch(/^weir: this database was restored: run weir erase --replay.*\n$/)
  expect(await fresh.weir('erase', '--replay')).toMatchObject({ erasures: 1, subjects: 1 })
  const again = fresh.start()
  await again.answering()
  const ownerUrl = (await fresh.weir('db-url')).url!
  expect(await ask(ownerUrl, 'select item from recommendation.view')).toEqual([{ item: 'of-bob' }])
  expect(await again.stop()).toBe(0)
})

interface Erased {
  readonly receipt: string
  readonly salt: string
  readonly scan: object
  readonly modules: readonly object[]
}

async function station(options: { readonly empty?: boolean } = {}): Promise<Station> {
  const made = await makeStation({}, options)
  stations.push(made)
  return made
}
