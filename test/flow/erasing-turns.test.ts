import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Module } from '../../src/modules/module.ts'
import { recommendation } from '../../src/modules/recommendation/recommendation.ts'
import { policyWith, recordingModule, twoModules } from '../support/recording-module.ts'
import { createTestApp, type TestApp, track } from '../support/test-app.ts'

const PEOPLE = ['ann', 'bea', 'cid', 'dan']
const second = recordingModule('second', 'attribution')
const turns: string[] = []
/** Takes longer to erase one person than a batch may take. */
const slow: Module = {
  ...second.module,
  async erase(tx, subject) {
    const { rows } = await tx.$client.query<{ turn: string }>(
      'select pg_current_xact_id()::text as turn, pg_sleep(0.03)',
    )
    turns.push(rows[0]!.turn)
    return second.module.erase(tx, subject)
  },
}
let weir: TestApp
let policyDir: string
beforeAll(async () => {
  policyDir = await policyWith(twoModules)
  weir = await createTestApp({ policyDir, modules: [recommendation, slow], prepare: second.prepare })
})
afterAll(async () => {
  await weir?.stop()
  await rm(policyDir, { recursive: true })
})

test('erasures that take long take turns: the next withdrawal waits for one of them, not for all', async () => {
  for (const person of PEOPLE) {
    await weir.grant(person, 'attribution')
    await weir.send(track(person, 'Product Viewed', { product_id: 'tea', price: 3 }))
  }
  await weir.settle()
  expect(second.handed).toHaveLength(PEOPLE.length)
  for (const person of PEOPLE) await weir.refuse(person, 'attribution')
  await weir.settle()
  expect(turns).toHaveLength(PEOPLE.length)
  expect(new Set(turns).size).toBe(PEOPLE.length)
  const { rows } = await weir.owner.$client.query('select count(*)::int as n from second.taken')
  expect(rows[0].n).toBe(0)
})
