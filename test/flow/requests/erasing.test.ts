import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { transaction } from '../../../src/db/transaction.ts'
import { ERASURE_STEPS } from '../../../src/rights/erasure/steps.ts'
import { move } from '../../../src/rights/move.ts'
import type { Right, State } from '../../../src/rights/request.ts'
import { liftRestriction } from '../../../src/rights/restrict.ts'
import { findRequest, lockRequest } from '../../../src/rights/rows.ts'
import { runStep } from '../../../src/rights/runner-step.ts'
import { readRows } from '../../support/person-rows.ts'
import { provedRequest } from '../../support/proved-request.ts'
import { createTestApp, order, type TestApp, track } from '../../support/test-app.ts'

let weir: TestApp

beforeAll(async () => {
  weir = await createTestApp()
})
afterAll(() => weir.stop())

async function proved(right: Right, userId: string): Promise<string> {
  return provedRequest(weir, right, [{ type: 'user_id', value: userId, verified: true }])
}

async function stateOf(id: string): Promise<State | undefined> {
  return (await findRequest(weir.db, id))?.state
}

async function buy(user: string): Promise<void> {
  await weir.grant(user, 'attribution', 'personalisation')
  await weir.send(track(user, 'Product Viewed', { product_id: 'P-1' }), order(user, `o-${user}`, ['P-1', 'P-2']))
  await weir.settle()
}

describe('an erasure that was asked for', () => {
  const user = `asks-${randomUUID()}`
  let id: string

  beforeAll(async () => {
    await buy(user)
    id = await proved('erasure', user)
    await weir.app.rights.processAll()
    await weir.settle()
  })

  test('restricts at once: nothing of the person is in a module, nothing is taken, and what is stored stays', async () => {
    expect(await stateOf(id)).toBe('cooling_off')
    const rows = await readRows(weir)
    expect(rows['recommendation.order_line']).toBe(0)
    expect(rows['attribution.conversion']).toBe(0)
    expect(rows['weir.sealed']).toBeGreaterThan(0)
    expect(await weir.send(track(user, 'Product Viewed', { product_id: 'P-7' }))).toEqual(['suppressed'])
  })

  test('is carried out once the time to take it back is over', async () => {
    weir.moveClock(24 * 3_600_000 + 60_000)
    await weir.app.rights.processAll()
    expect(await stateOf(id)).toBe('completed_partial') // orders stay by law
    const rows = await readRows(weir)
    expect(rows['weir.subject']).toBe(0)
    expect(rows['weir.sealed']).toBe(0)
    const request = await findRequest(weir.db, id)
    expect(request?.receipt?.split('.')).toHaveLength(3)
  })
})

describe('an erasure of which is lost', () => {
  test.each(['needles', 'subjects'] as const)('its %s, gets no receipt', async (kind) => {
    const user = `lost-${randomUUID()}`
    await buy(user)
    const id = await proved('erasure', user)
    await weir.app.rights.processAll()
    weir.moveClock(25 * 3_600_000)
    const { deps } = weir.app.rights
    await transaction(weir.db, async (tx) => {
      await move(tx, await lockRequest(tx, id), 'executing', {
        actor: 'weir',
        now: deps.now(),
        nextAt: deps.now() + 600_000,
      })
    })
    await runStep(deps, (await findRequest(weir.db, id))!, ERASURE_STEPS[0]!, { holdMs: 600_000 })
    await weir.db.$client.query('delete from weir.request_content where request_id = $1 and kind = $2', [id, kind])
    weir.moveClock(700_000)
    await weir.app.rights.processAll()
    const request = await findRequest(weir.db, id)
    expect(request?.closedAt).toBeUndefined()
    expect(request?.receipt).toBeUndefined()
    expect(request).toMatchObject(kind === 'needles' ? { state: 'scanning' } : { state: 'executing', step: 'gather' })
  })
})

describe('an erasure that is taken back', () => {
  test('leaves everything as it was: what modules forgot they are handed again', async () => {
    const user = `returns-${randomUUID()}`
    await buy(user)
    const before = await readRows(weir)
    const digests = await digestsOf()
    const id = await proved('erasure', user)
    await weir.app.rights.processAll()
    await weir.settle()
    expect((await readRows(weir))['recommendation.order_line']).toBe(0)
    await transaction(weir.db, (tx) => liftRestriction(tx, weir.app.rights.deps, id))
    await weir.settle()
    const { 'weir.subject_key': _, 'weir.audit_detail': __, ...after } = await readRows(weir)
    expect(before).toMatchObject(after)
    expect(await digestsOf()).toEqual(digests)
  })
})

async function digestsOf(): Promise<Record<string, string>> {
  const digests: Record<string, string> = {}
  for (const { module } of weir.app.rights.deps.holders()) {
    if (module !== undefined) digests[module.name] = await transaction(weir.owner, (tx) => module.digest(tx))
  }
  return digests
}
