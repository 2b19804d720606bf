import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../src/event/event.ts'
import type { Answer } from '../../support/test-app.ts'
import { type AskedFor, type House, openHouse, type Person } from './house.ts'
import { difference, shuffled } from './statistics.ts'

/** Of whom data is held, with an address on file; as many are asked for of whom nothing is. */
const LONG = process.env.WEIR_TEST_LONG === '1'
const PEOPLE = LONG ? 44 : 22
/** Of each; the first few are warming up. */
const EACH = LONG ? 220 : 90
/** 1.95 √(2/n) is at one in a thousand 0.19 of 200 and 0.33 of 70. */
const MOST_APART = LONG ? 0.25 : 0.4
const HOUR = 3_600_000
const SEED = Number(process.env.WEIR_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32))

let house: House
const known: Person[] = []
beforeAll(async () => {
  console.info(`seed ${SEED} (WEIR_TEST_SEED)`)
  house = await openHouse()
  for (let i = 0; i < PEOPLE; i++) known.push(await house.person())
}, 60_000)
afterAll(() => house.stop())

interface Taken {
  readonly isKnown: boolean
  readonly ms: number
  readonly answer: Answer
}

/** Asks of both, mixed in an order of the seed, one after the other; the first few of each warm up. */
async function measure(
  each: number,
  ask: (isKnown: boolean, i: number) => Promise<Answer>,
): Promise<{ readonly of: readonly Taken[]; readonly before: readonly Taken[] }> {
  const order = shuffled(
    Array.from({ length: each * 2 }, (_, n) => ({ isKnown: n % 2 === 0, i: n >> 1 })),
    SEED,
  )
  const of: Taken[] = []
  for (const [n, { isKnown, i }] of order.entries()) {
    if (n % 40 === 39) house.weir.moveClock(HOUR) // budgets of one network are another promise
    const started = performance.now()
    const answer = await ask(isKnown, i)
    of.push({ isKnown, ms: performance.now() - started, answer })
  }
  return { of: of.slice(20), before: of.slice(0, 20) }
}

/** The same answer but for what is random, of the same length; and times that nobody tells apart. */
function expectAlike({ of }: { readonly of: readonly Taken[] }, what: string): void {
  const shapes = new Set(
    of.map(({ answer: { status, text, headers } }) => {
      const plain = text
        .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'id')
        .replace(/"secret":"[\w-]{43}"/, '"secret"')
        .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'time')
      const names = [...headers.keys()].sort().join()
      return `${status} ${text.length} ${plain} ${names}`
    }),
  )
  expect([...shapes]).toHaveLength(1)
  const times = (wanted: boolean): number[] => of.flatMap(({ isKnown, ms }) => (isKnown === wanted ? [ms] : []))
  const [one, other] = [times(true), times(false)]
  expect(Math.min(one.length, other.length)).toBeGreaterThanOrEqual(EACH - 20)
  const { z, t, d } = difference(one, other)
  console.info(`${what}: n ${one.length}/${other.length}, z ${z.toFixed(2)}, t ${t.toFixed(2)}, d ${d.toFixed(3)}`)
  expect(Math.abs(z)).toBeLessThan(5)
  expect(Math.abs(t)).toBeLessThan(6)
  expect(d).toBeLessThan(MOST_APART)
}

test('the measure tells samples apart that differ by an eighth', () => {
  const sample = Array.from({ length: EACH }, (_, i) => 4 + (i % 17) / 10)
  const { z, t, d } = difference(
    sample,
    sample.map((ms) => ms * 1.125),
  )
  expect([Math.abs(z) > 5, Math.abs(t) > 6, d > MOST_APART]).toContain(true)
})

const identifierOf = (isKnown: boolean, i: number): JsonObject => {
  const person = known[i % PEOPLE]!
  const type = i % 2 === 0 ? 'email' : 'user_id'
  if (isKnown) return { type, value: type === 'email' ? person.email : person.userId }
  // As long as the others, so that nothing but being known differs.
  return {
    type,
    value: type === 'email' ? `${person.email.slice(1, 12)}z@mail.example` : `${person.userId.slice(0, -1)}z`,
  }
}

describe('whether somebody is known', () => {
  const asked = { true: [] as AskedFor[], false: [] as AskedFor[] }

  test('shows in no answer to a request, nor in its size or time', async () => {
    const taken = await measure(EACH, async (isKnown, i) => {
      const answer = await house.page.post('/v1/requests', { right: 'access', identifier: identifierOf(isKnown, i) })
      asked[`${isKnown}`].push(answer.body as unknown as AskedFor)
      return answer
    })
    expectAlike(taken, 'create')
    expect(asked.true).toHaveLength(EACH)
  }, 120_000)

  test('shows in no status while it is not proved who asks', async () => {
    await house.work()
    expect(house.mailbox.received.length).toBeGreaterThan(PEOPLE / 2) // those who are known were written to
    const taken = await measure(EACH, (isKnown, i) => {
      const { requestId, secret } = asked[`${isKnown}`][i]!
      return house.call('GET', `/v1/requests/${requestId}`, undefined, { authorization: `Bearer ${secret}` })
    })
    expectAlike(taken, 'status')
  }, 120_000)

  test('shows in no answer to a wrong code', async () => {
    const taken = await measure(EACH, (isKnown, i) => {
      const { requestId, secret } = asked[`${isKnown}`][i]!
      return house.call(
        'POST',
        `/v1/requests/${requestId}/verify`,
        { code: 'ABCDEFGH' },
        { authorization: `Bearer ${secret}` },
      )
    })
    expectAlike(taken, 'verify')
  }, 120_000)

  test('shows in no answer to a wish to have it sent again', async () => {
    const taken = await measure(EACH, async (isKnown, i) => {
      const { requestId, secret } = asked[`${isKnown}`][i]!
      return house.call('POST', `/v1/requests/${requestId}/resend`, {}, { authorization: `Bearer ${secret}` })
    })
    expectAlike(taken, 'resend')
  }, 120_000)
})
