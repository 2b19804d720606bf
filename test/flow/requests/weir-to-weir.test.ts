import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { transaction } from '../../../src/db/transaction.ts'
import { addEndpoint } from '../../../src/destinations/endpoints.ts'
import { recipientStates, tellRecipients } from '../../../src/destinations/outbox.ts'
import { createRecipientWorker } from '../../../src/destinations/worker.ts'
import { withActiveEpoch } from '../../../src/keys/subject-keys.ts'
import { addController } from '../../../src/rights/protocols/controllers.ts'
import { deps, sent, wait } from '../../support/recipients.ts'
import { subjectOf } from '../../support/stored.ts'
import { createTestApp, type TestApp } from '../../support/test-app.ts'

// One gateway is the OpenDSR controller of another: each side of the protocol is held by the other one.
const HOUR_MS = 3_600_000
let shop: TestApp
let processor: TestApp

beforeAll(async () => {
  shop = await createTestApp()
  processor = await createTestApp({ coolingHours: 0 })
})
afterAll(async () => {
  await shop.stop()
  await processor.stop()
})

test('an erasure goes from one gateway to the other, is signed, done, and verified by an access that finds nobody', async () => {
  const { token } = await transaction(processor.owner, (tx) =>
    addController(tx, processor.keyring, { name: 'shop', protocol: 'opendsr', callbackHosts: ['weir.test'] }),
  )
  const certificate = await (await fetch(`${processor.url}/.well-known/opendsr-cert.pem`)).text()
  const endpoint = {
    name: 'processor',
    protocol: 'opendsr',
    url: `${processor.url}/v2/opendsr`,
    slaDays: 15,
    region: 'CN',
    role: 'entrusted',
    certificate,
    secret: token!,
  } as const
  const { destinationId } = await transaction(shop.owner, (tx) => addEndpoint(tx, shop.keyring, endpoint))
  await shop.grant('ann', 'personalisation')
  await processor.grant('u-ann', 'personalisation')
  const ann = (await subjectOf(shop, 'user_id', 'ann'))!
  await sent(shop, ann, destinationId, ['user_id:raw', 'u-ann'])
  const request = randomUUID()
  await withActiveEpoch(shop.keyring, () =>
    transaction(shop.db, (tx) => tellRecipients(tx, deps(shop), { request, kind: 'erasure', subjects: [ann] })),
  )
  const worker = createRecipientWorker(deps(shop))
  await worker.processAll()
  const [told] = await recipientStates(shop.db, request)
  expect(told).toMatchObject({ state: 'acknowledged', open: true })
  const states: string[] = []
  for (let turn = 0; turn < 6; turn++) {
    wait(shop, HOUR_MS)
    processor.moveClock(HOUR_MS)
    await processor.app.rights.processAll()
    await worker.processAll()
    states.push((await recipientStates(shop.db, request))[0]!.state)
  }
  expect(states.at(-1)).toBe('verified-gone')
  expect(await subjectOf(processor, 'user_id', 'u-ann')).toBeUndefined()
  const { rows } = await processor.owner.$client.query<{ right: string; state: string }>(
    'select "right", state from weir.request order by number',
  )
  expect(rows).toEqual([
    { right: 'erasure', state: 'completed' },
    { right: 'access', state: 'completed' },
  ])
})
