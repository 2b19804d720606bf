import { cp, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { ask, makeStation, type Station } from '../support/gateway-process.ts'
import { openShop, startLoad } from '../support/gateway-shop.ts'
import { until } from '../support/until.ts'

const stations: Station[] = []
afterEach(async () => {
  for (const station of stations.splice(0)) await station.remove()
})

// The drill of docs/operations.md.
test('a backup under load, restored elsewhere: refused without its keys, and with them whole, going on where it was', {
  timeout: 180_000,
}, async () => {
  const old = await station()
  const gateway = old.start()
  await gateway.answering()
  const shop = await openShop(old)
  await shop.choose(gateway, 'ann', true)
  const load = startLoad(gateway, shop, 'ann', { prefix: 'load' })
  await until('there is load', () => load.answered.size > 100)
  const before = new Set(load.answered)
  const copy = join(dirname(old.data.path), 'copy')
  await old.weir('backup', copy)
  await load.stop()
  expect(load.answered.size).toBeGreaterThan(before.size)
  expect(await gateway.stop()).toBe(0)

  const fresh = await station({ empty: true })
  await fresh.weir('restore', copy)
  const without = fresh.start({ env: { WEIR_LOG_LEVEL: 'silent' } })
  expect((await without.ended).code).not.toBe(0)
  expect(without.said()).toMatch(/^weir: .*key.*\n$/)

  const keys = join(fresh.data.path, 'keys')
  await rm(keys, { recursive: true, force: true }) // what development made in their place
  await cp(join(old.data.path, 'keys'), keys, { recursive: true })
  const unledgered = fresh.start({ env: { WEIR_LOG_LEVEL: 'silent' } })
  expect((await unledgered.ended).code).not.toBe(0)
  expect(unledgered.said()).toMatch(/^weir: .*ledger of erasures.*\n$/)
  await cp(join(old.data.path, 'erasures.jsonl'), join(fresh.data.path, 'erasures.jsonl'))
  expect(await fresh.weir('erase', '--replay')).toMatchObject({ erasures: 0 })
  const again = fresh.start()
  await again.answering()
  const ownerUrl = (await fresh.weir('db-url')).url!
  const there = async (): Promise<Set<string>> =>
    new Set((await ask<{ item: string }>(ownerUrl, 'select item from recommendation.view')).map((row) => row.item))
  await until('what was answered before the backup is delivered', async () => isWithin(before, await there()))
  expect(isWithin(await there(), load.answered)).toBe(true)
  expect(await shop.view(again, 'ann', 'afterwards')).toEqual(['accepted']) // the same source, the same consent
  await until('and goes on', async () => (await there()).has('afterwards'))
  expect(await again.stop()).toBe(0)
})

async function station(options: { readonly empty?: boolean } = {}): Promise<Station> {
  const made = await makeStation({}, options)
  stations.push(made)
  return made
}

function isWithin(part: ReadonlySet<string>, whole: ReadonlySet<string>): boolean {
  return [...part].every((one) => whole.has(one))
}
