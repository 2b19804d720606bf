import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { JsonObject } from '../../../src/event/event.ts'
import { policyWith } from '../../support/recording-module.ts'
import { subjectOf } from '../../support/stored.ts'
import { byPseudonym, type House, openHouse, type Person } from './house.ts'

let house: House
let ann: Person
let ben: Person

beforeAll(async () => {
  house = await openHouse()
  ann = await house.officer('compliance')
  ben = await house.officer('compliance')
})
afterAll(() => house.stop())

const ATTRIBUTION = { name: 'attribution', purpose: 'attribution' } as const
const RECOMMENDATION = { name: 'recommendation', purpose: 'personalisation' } as const

function pseudonymAt(module: typeof ATTRIBUTION | typeof RECOMMENDATION, subject = house.alice): string {
  return house.weir.app.pseudonymiserOf(module).pseudonym(subject, house.now())
}

/** Asked, approved, read. */
async function answerTo(asked: JsonObject): Promise<JsonObject> {
  const id = await house.ask(ann, asked)
  expect((await house.approve(ben, id)).status).toBe(200)
  const { status, body } = await house.read(ann, id)
  expect(status).toBe(200)
  return body
}

test('a pseudonym of a destination leads to the identifiers of the types that were approved', async () => {
  const asked = (types: string[]) => byPseudonym('reidentify', pseudonymAt(ATTRIBUTION), { types })
  expect((await answerTo(asked(['user_id']))).identifiers).toEqual([{ type: 'user_id', value: 'alice' }])
  expect((await answerTo(asked(['user_id', 'anonymous_id']))).identifiers).toEqual([
    { type: 'anonymous_id', value: house.aliceDevice },
    { type: 'user_id', value: 'alice' },
  ])
  expect((await answerTo(asked(['email', 'phone']))).identifiers).toEqual([])
})

test('that of a device leads to its confirmed user', async () => {
  const device = (await subjectOf(house.weir, 'anonymous_id', house.aliceDevice))!
  const asked = byPseudonym('reidentify', pseudonymAt(ATTRIBUTION, device), { types: ['user_id'] })
  expect((await answerTo(asked)).identifiers).toEqual([{ type: 'user_id', value: 'alice' }])
})

test('a pseudonym is translated into that of another destination, and back', async () => {
  const [there, here] = [pseudonymAt(ATTRIBUTION), pseudonymAt(RECOMMENDATION)]
  expect((await answerTo(byPseudonym('translate', there, { to: 'recommendation' }))).pseudonym).toBe(here)
  const back = byPseudonym('translate', here, { destination: 'recommendation', to: 'attribution' })
  expect((await answerTo(back)).pseudonym).toBe(there)
})

test('translations that are read all at once do not use up the database', async () => {
  const id = await house.ask(
    ann,
    byPseudonym('translate', pseudonymAt(ATTRIBUTION), { to: 'recommendation', reads: 20 }),
  )
  expect((await house.approve(ben, id)).status).toBe(200)
  const answers = await Promise.all(Array.from({ length: 20 }, () => house.read(ann, id)))
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
})

test.each([
  ['made up', () => `p1.AAAB.${'A'.repeat(22)}`],
  ['of another destination', () => pseudonymAt(RECOMMENDATION)],
  ['of a root that was never there', () => pseudonymAt(ATTRIBUTION).replace(/^p1\.[^.]+/, 'p1.__8A')],
  ['of a period, where pseudonyms do not roll', () => pseudonymAt(ATTRIBUTION).replace(/^p1\.([^.]+)/, 'p2.$1.1')],
])('a pseudonym that is %s is nobody’s', async (_what, made) => {
  const asked = byPseudonym('reidentify', made(), { types: ['user_id'] })
  expect(await answerTo(asked)).toMatchObject({ identifiers: [], read: 1 })
  expect((await answerTo(byPseudonym('translate', made(), { to: 'recommendation' }))).pseudonym).toBeNull()
})

test('the pseudonym that was asked for is not kept, and stands in no entry', async () => {
  const pseudonym = pseudonymAt(ATTRIBUTION)
  const { rows } = await house.weir.owner.$client.query<{ found: boolean }>(
    `select exists (select from weir.disclosure d where strpos(d::text, $1) > 0)
       or exists (select from weir.audit_entry e where strpos(e::text, $1) > 0) as found`,
    [pseudonym],
  )
  expect(rows[0]!.found).toBe(false)
  const entry = (await house.entries()).findLast(({ action }) => action === 'disclosure.read')!
  expect(entry.more).toMatchObject({ kind: 'translate', destination: 'attribution', to: 'recommendation' })
})

test('where pseudonyms roll, one of any period leads to the person, and the translation is that of today', async () => {
  const policyDir = await policyWith((text) =>
    text.replace(/^ {4}time: (minute|day).*$/gm, (line) => `${line}\n    pseudonyms: rolling\n    rolling_days: 30`),
  )
  const rolling = await openHouse({ policyDir })
  try {
    const [eve, fay] = [await rolling.officer('compliance'), await rolling.officer('compliance')]
    const of = (module: typeof ATTRIBUTION | typeof RECOMMENDATION, at: number): string =>
      rolling.weir.app.pseudonymiserOf(module).pseudonym(rolling.alice, at)
    const old = of(ATTRIBUTION, rolling.now() - 200 * 86_400_000)
    expect(old).toMatch(/^p2\./)
    const answers: JsonObject[] = []
    for (const asked of [
      byPseudonym('reidentify', old, { types: ['user_id'] }),
      byPseudonym('translate', old, { to: 'recommendation' }),
      byPseudonym('reidentify', of(RECOMMENDATION, rolling.now()), { types: ['user_id'] }),
    ]) {
      const id = await rolling.ask(eve, asked)
      await rolling.approve(fay, id)
      answers.push((await rolling.read(eve, id)).body)
    }
    expect(answers[0]!.identifiers).toEqual([{ type: 'user_id', value: 'alice' }])
    expect(answers[1]!.pseudonym).toBe(of(RECOMMENDATION, rolling.now()))
    expect(answers[2]!.identifiers).toEqual([])
  } finally {
    await rolling.stop()
    await rm(policyDir, { recursive: true })
  }
})
