import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ATTACKS, attack, MOST_LOOKED_FOR, type Side } from '../../../src/pipeline/linkability-attack.ts'

const seed = Number(process.env.WEIR_TEST_SEED ?? Date.now() % 1_000_000_000)

/** A side by the days of its people; the person is the number in the name. */
function side(prefix: string, people: readonly (readonly string[])[]): Side {
  const traits = people.map((days, i) => {
    const counts = new Map<string, number>()
    for (const day of days) counts.set(day, (counts.get(day) ?? 0) + 1)
    return [`${prefix}${i}`, counts] as const
  })
  return { traits: new Map(traits), truth: new Map(people.map((_, i) => [`${prefix}${i}`, `person ${i}`])) }
}

const PEOPLE = [['mon'], ['tue', 'wed'], ['wed'], ['wed'], ['mon', 'mon', 'fri']]

test.each(ATTACKS)('%s: who did what nobody else did is found; who did what another did too is not', (kind) => {
  const found = attack(kind, side('a', PEOPLE), side('b', PEOPLE))
  expect(found.people).toBe(5)
  expect(found.linked).toBe(kind === 'contained' ? 2 : 3)
})

test('a guess that is wrong counts for nothing', () => {
  const wrong = { ...side('b', PEOPLE), truth: new Map([['b0', 'person 1']]) }
  for (const kind of ATTACKS)
    expect(attack(kind, side('a', PEOPLE), wrong)).toEqual({ people: 5, looked: 5, linked: 0 })
})

test('one of whom the other side knows a part only is found by what is most alike', () => {
  const part = side('a', [['tue'], ['fri'], ['mon'], [], []])
  const whole = {
    ...side('b', PEOPLE),
    truth: new Map([
      ['b1', 'person 0'],
      ['b4', 'person 1'],
    ]),
  }
  expect(attack('same', part, whole).linked).toBe(0)
  expect(attack('contained', part, whole).linked).toBe(2)
})

test(`nothing is found where everybody did the same, and never more than are looked for (seed ${seed})`, () => {
  const days = fc.array(fc.constantFrom('mon', 'tue', 'wed', 'thu', 'fri'), { maxLength: 4 })
  const people = fc.array(days, { minLength: 2, maxLength: 12 })
  fc.assert(
    fc.property(people, fc.constantFrom(...ATTACKS), (all, kind) => {
      const { people: looked, linked } = attack(kind, side('a', all), side('b', all))
      expect(looked).toBe(all.length)
      expect(linked).toBeLessThanOrEqual(new Set(all.map((own) => [...own].sort().join())).size)
      const alike = all.map(() => ['mon'])
      expect(attack(kind, side('a', alike), side('b', alike)).linked).toBe(0)
    }),
    { seed },
  )
})

test('of very many an even sample is looked for', () => {
  const many = side(
    'a',
    Array.from({ length: MOST_LOOKED_FOR + 10 }, (_, i) => [`day ${i}`]),
  )
  expect(attack('same', many, many)).toEqual({
    people: MOST_LOOKED_FOR + 10,
    looked: MOST_LOOKED_FOR,
    linked: MOST_LOOKED_FOR,
  })
})

test('of somebody with several names one that is found again is enough', () => {
  const rolling = {
    ...side('a', [['mon'], ['tue']]),
    truth: new Map([
      ['a0', 'person 0'],
      ['a1', 'person 0'],
    ]),
  }
  const lasting = side('b', [['tue'], ['mon'], ['mon']])
  expect(attack('same', rolling, lasting)).toEqual({ people: 1, looked: 1, linked: 1 })
})
