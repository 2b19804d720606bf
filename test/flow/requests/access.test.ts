import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { collectAccess, openAccess } from '../../../src/rights/access/collect.ts'
import { type AccessDocument, accessDocument } from '../../../src/rights/access/schema.ts'
import { accessOf, BY_OPERATOR, subjectsOfUser } from '../../support/access.ts'
import { createTestApp, newDevice, order, type TestApp, track } from '../../support/test-app.ts'

// What a person is given of everything that is held of them.

const SHARED = '      fields: {include: [sharing, product]}\n'
const ROUTE =
  '      routes: {recommendation: {purpose: personalisation, fields: [properties.product_id, properties.recipient]}}\n'

let shop: TestApp
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-policy-'))
  const own = join(import.meta.dirname, '..', '..', '..', 'policies')
  await cp(own, folder, { recursive: true })
  const file = join(folder, 'shop.policy.yaml')
  const text = await readFile(file, 'utf8')
  expect(text).toContain(SHARED)
  await writeFile(file, text.replace(SHARED, SHARED + ROUTE))
  shop = await createTestApp({ policyDir: folder })
  await shop.grant('alice', 'attribution', 'personalisation')
  await shop.send(
    track('alice', 'Product Viewed', { product_id: 'tea' }, { context: { campaign: { source: 'spring' } } }),
    order('alice', 'A-1', ['tea', 'pot']),
    track('alice', 'Product Shared', {
      share_via: 'mail',
      share_message: 'look',
      recipient: 'friend@example.org',
      product_id: 'tea',
      password: 'hunter2',
      wrapping: 'red',
    }),
  )
  await shop.send(order('bob', 'B-1', ['tea']))
  await shop.settle()
})
afterAll(async () => {
  await shop?.stop()
  await rm(folder, { recursive: true, force: true })
})

function rowsOf(document: AccessDocument, store: string): number | undefined {
  return document.completeness.stores.find((one) => one.store === store)?.rows
}

describe('what a person is given', () => {
  test('fits the published schema, and names identifiers, choices, events and what modules hold', async () => {
    const document = await accessOf(shop, 'alice')
    expect(accessDocument.parse(document)).toEqual(document)
    expect(document.you.identifiers).toEqual([{ of: 'user-1', type: 'user_id', value: 'alice' }])
    expect(document.purposes.map(({ purpose, choice }) => [purpose, choice])).toEqual([
      ['essential', 'none'],
      ['analytics', 'none'],
      ['attribution', 'granted'],
      ['personalisation', 'granted'],
      ['advertising', 'none'],
    ])
    expect(document.events.map(({ event }) => event)).toEqual(
      expect.arrayContaining(['Product Viewed', 'Order Completed', 'Product Shared']),
    )
    const bought = document.events.find(({ event }) => event === 'Order Completed')!
    expect(bought.fields.order).toMatchObject({ properties: { order_id: 'A-1', total: 198 } })
    expect(bought.kept.map(({ class: name }) => name)).toContain('order')
    expect(bought.decision?.routes.map((one) => [one.destination, one.permitted, one.clauses[0]?.clause])).toEqual([
      ['attribution', true, 'granted'],
      ['recommendation', true, 'granted'],
    ])
    expect(document.consent).toHaveLength(1)
    expect(document.moduleRecords.map(({ module, table }) => `${module}.${table}`)).toEqual(
      expect.arrayContaining(['attribution.touch', 'attribution.conversion', 'recommendation.view']),
    )
    expect(document.moduleRecords.find(({ table }) => table === 'touch')?.values).toMatchObject({ source: 'spring' })
  })

  test('shows nothing of another person, and no credential', async () => {
    const document = await accessOf(shop, 'alice')
    const text = JSON.stringify(document)
    expect(text).not.toContain('friend@example.org')
    expect(text).not.toContain('hunter2')
    expect(text).not.toContain('B-1')
    const shared = document.events.find(({ event }) => event === 'Product Shared')!
    expect(shared.withheld.toSorted()).toEqual([
      'properties.password: credential',
      'properties.recipient: somebody-elses',
    ])
    expect(shared.fields.unclassified).toMatchObject({ properties: { wrapping: 'red' } })
  })

  test('counts every class of the policy and every store, none included', async () => {
    const document = await accessOf(shop, 'alice')
    const classes = document.completeness.classes.map((one) => one.class)
    expect(classes).toEqual(expect.arrayContaining([...shop.app.active().compiled.classes.keys()]))
    expect(document.completeness.classes.find((one) => one.class === 'sensitive')).toMatchObject({ records: 0 })
    expect(rowsOf(document, 'weir.recipient')).toBe(0)
    expect(rowsOf(document, 'weir.sealed')).toBe(
      document.completeness.classes.reduce((total, { records }) => total + records, 0),
    )
    expect(rowsOf(document, 'weir.event_log')).toBe(document.events.length)
  })

  test('is entered in the audit log, about the person, before anything is opened', async () => {
    const before = (await shop.entries('access.export')).length
    const document = await accessOf(shop, 'alice')
    expect(document.accesses.at(-1)).toMatchObject({ by: 'cli', action: 'access.export' })
    const entries = await shop.entries('access.export')
    expect(entries).toHaveLength(before + 1)
    expect(entries.at(-1)).toMatchObject({ actor: 'cli', case_id: 'CASE-1', outcome: 'released' })
    const silent = { append: () => Promise.reject(new Error('the log is away')) }
    const subjects = await subjectsOfUser(shop, 'alice')
    const ask = { subjects, requestId: undefined, entry: BY_OPERATOR }
    await expect(collectAccess({ ...shop.app.rights.deps, audit: silent }, ask)).rejects.toThrow('the log is away')
  })

  test('of nobody is a document with nothing in it', async () => {
    const document = await accessOf(shop, 'nobody')
    expect(document.you).toEqual({ identifiers: [], records: [] })
    expect(document.completeness.stores.map(({ rows }) => rows)).toEqual(document.completeness.stores.map(() => 0))
  })

  test('covers the devices that are confirmed to be theirs, and calls each by a name of its own', async () => {
    const device = newDevice()
    await shop.server.post('/v1/consent', { ...device, choices: { personalisation: true } })
    await shop.send({ ...track('carol', 'Product Viewed', { product_id: 'cup' }), anonymousId: device.anonymousId })
    await shop.settle()
    const document = await accessOf(shop, 'carol')
    expect(document.you.records.map(({ ref }) => ref)).toEqual(['user-1', 'device-1'])
    expect(document.links).toMatchObject([{ device: 'device-1', user: 'user-1', state: 'confirmed' }])
  })

  test('comes in pages, and says how far it is', async () => {
    const told: [number, number][] = []
    const subjects = await subjectsOfUser(shop, 'alice')
    const ask = { subjects, requestId: undefined, entry: BY_OPERATOR }
    const source = await openAccess(shop.app.rights.deps, {
      ...ask,
      progress: (done, total) => told.push([done, total]),
    })
    for await (const page of source.events()) expect(page.length).toBeLessThanOrEqual(500)
    expect(told.at(-1)?.[0]).toBe(source.lengths.events)
  })
})
