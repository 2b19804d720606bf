import { afterAll, beforeAll, expect, test } from 'vitest'
import { inventory } from '../../src/keys/inventory.ts'
import { createTestApp, type TestApp } from '../support/test-app.ts'

let weir: TestApp
beforeAll(async () => {
  weir = await createTestApp()
})
afterAll(() => weir.stop())

test('every column of text, json or bytes is of a class, sealed or hashed by a key, kept for a time; none is described in vain', async () => {
  const found = await inventory(weir.owner, weir.app.active().compiled)
  expect(found.uncovered).toEqual([])
  expect(found.unknown).toEqual([])
  const bytes = found.columns.filter((one) => one.table === 'weir.sealed')
  expect(bytes.map((one) => one.fieldClass).sort()).toEqual([...weir.app.active().compiled.classes.keys()].sort())
  expect(bytes.find((one) => one.fieldClass === 'order')).toEqual({
    table: 'weir.sealed',
    column: 'bytes',
    fieldClass: 'order',
    suite: 'AES-256-GCM',
    keyClass: 'subject (epoch/1)',
    retention: '1095 d, at least 1095 d (E-commerce Law 31)',
  })
})

test('a column that nobody has described is found, whatever its type, and so is one that went', async () => {
  await weir.owner.$client.query(
    `create table weir.unheard_of (a text, b jsonb, c bytea, d varchar(10), e text[], n integer, t timestamptz, u uuid);
     alter table weir.link drop column state`,
  )
  const found = await inventory(weir.owner, weir.app.active().compiled)
  expect(found.uncovered).toEqual(['a', 'b', 'c', 'd', 'e'].map((name) => `weir.unheard_of.${name}`))
  expect(found.unknown).toEqual(['weir.link.state'])
})
