import { expect, test } from 'vitest'
import { attribution } from '../../../src/modules/attribution/attribution.ts'
import type { Kept } from '../../../src/modules/module.ts'
import { recommendation } from '../../../src/modules/recommendation/recommendation.ts'
import { loadPolicy } from '../../../src/policy/load.ts'
import { cutoffsOf, previousCutoffs } from '../../../src/retention/cutoffs.ts'
import { changed, compiled } from '../policy/small-policy.ts'

const NOW = Date.parse('2026-11-22T10:00:00Z')

function keeps(...paths: string[]): { name: string; keeps: Kept[] } {
  return { name: 'reco', keeps: [{ table: 'seen', at: 'day', paths }] }
}

test('a table is kept as long as the class that its rows are read from is in use', () => {
  // behaviour, 180 days, by the month: what happened from 4 June on is in use through November.
  expect(cutoffsOf(compiled(), keeps('properties.product_id'), NOW)).toEqual({ seen: '2026-06-04' })
  expect(previousCutoffs(compiled(), keeps('properties.product_id'), NOW)).toEqual({ seen: '2026-05-05' })
})

test('fields of several classes go with the first of them', () => {
  const both = keeps('properties.order_id', 'properties.products[].product_id')
  expect(cutoffsOf(compiled(), both, NOW)).toEqual({ seen: '2026-06-04' })
  expect(cutoffsOf(compiled(), keeps('properties.order_id'), NOW)).toEqual({ seen: '2023-12-02' })
})

test('of a class under a longer floor only its use counts', () => {
  const policy = compiled(changed('order: {retain_days: 1095,', 'order: {retain_days: 31,'))
  expect(cutoffsOf(policy, keeps('properties.order_id'), NOW)).toEqual({ seen: '2026-10-23' })
})

test('what no route hands over any more is kept for nobody', () => {
  expect(cutoffsOf(compiled(), keeps('properties.email'), NOW)).toEqual({ seen: '2026-11-23' })
  const other = { ...keeps('properties.product_id'), name: 'elsewhere' }
  expect(cutoffsOf(compiled(), other, NOW)).toEqual({ seen: '2026-11-23' })
})

test('every table of the modules is read from something that the policy of the shop hands over', async () => {
  const { policy } = await loadPolicy('policies')
  for (const module of [attribution, recommendation]) {
    for (const [table, cutoff] of Object.entries(cutoffsOf(policy, module, NOW))) {
      expect(cutoff < '2026-11-01', `${module.name}.${table} is kept from ${cutoff} on`).toBe(true)
    }
  }
})
