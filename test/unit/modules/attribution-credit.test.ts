import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readChannels } from '../../../src/modules/attribution/channels.ts'
import { creditsOf, MICRO, MODELS, type Model, shareOut } from '../../../src/modules/attribution/credit.ts'
import { type Bought, type Journey, pathsOf, type TouchAt } from '../../../src/modules/attribution/path.ts'
import { countJourney, type Draft, liner, type Tally } from '../../../src/modules/attribution/tally.ts'

const seed = Number(process.env.WEIR_TEST_SEED ?? Date.now() % 1_000_000_000)
console.info(`attribution credit: seed ${seed}`)

const RULES = `apiVersion: weir/v1
categories:
  search: {names: [baidu], hosts: [baidu.com]}
rules:
  - {channel: Influencer, when: [{medium: [kol]}]}
  - {channel: Search, when: [{category: search}]}
  - {channel: Referral, when: [{untagged: true}]}
ignore_referrers: [alipay.com]
`
const read = readChannels(RULES, 'channels.yaml')
if (!('channels' in read)) throw new Error(read.lines.join('\n'))
const { channels } = read

const nothing = { source: '', medium: '', campaign: '', creative: '', tag: '', referrer: '' }
const baidu = { ...nothing, source: 'baidu', medium: 'cpc' }
const kol = { ...nothing, source: 'xhs', medium: 'kol', campaign: 'spring' }
const blog = { ...nothing, referrer: 'blog.example' }
const pay = { ...nothing, referrer: 'alipay.com' }
const DAY = 24 * 60

/** The micro-credit of each touch, in order. */
const shares = (model: Model, length: number): number[] =>
  creditsOf(model, length, { value: 0n, isNew: false }).map(({ micro }) => Number(micro))

function tally(journeys: readonly Journey[], model: Model, by: 'channel' | 'source' | 'campaign' = 'channel'): Tally {
  const tallies = new Map<string, Draft>()
  const lineOf = liner(channels, by)
  for (const journey of journeys) Array.from(countJourney(tallies, journey, model, lineOf))
  return tallies.get('CNY') ?? { conversions: 0, value: 0n, credits: new Map() }
}

const credited = (journey: Journey, model: Model): Record<string, [number, number]> =>
  Object.fromEntries(
    [...tally([journey], model).credits.values()].map(({ channel, credit }) => [
      channel,
      [Number(credit.micro) / 1e6, Number(credit.value)],
    ]),
  )
const order = (minute: number, value = 1_000n, more: Partial<Bought> = {}): Bought => ({
  minute,
  currency: 'CNY',
  value,
  counts: true,
  ...more,
})

describe('credit by hand', () => {
  test.each<[Model, number, number[]]>([
    ['first', 1, [1_000_000]],
    ['first', 4, [1_000_000, 0, 0, 0]],
    ['last', 4, [0, 0, 0, 1_000_000]],
    ['linear', 3, [333_333, 333_334, 333_333]],
    ['position', 1, [1_000_000]],
    ['position', 2, [500_000, 500_000]],
    ['position', 3, [400_000, 200_000, 400_000]],
    ['position', 5, [400_000, 66_667, 66_666, 66_667, 400_000]],
  ])('%s over %i touches', (model, length, expected) => {
    expect(shares(model, length)).toEqual(expected)
  })

  const touches: TouchAt[] = [
    { ...kol, minute: 10 },
    { ...baidu, minute: 2 * DAY },
    { ...blog, minute: 3 * DAY },
  ]
  const journey: Journey = { touches, conversions: [order(4 * DAY)] }
  test.each<[Model, Record<string, [number, number]>]>([
    ['first', { Influencer: [1, 1000] }],
    ['last', { Referral: [1, 1000] }],
    ['linear', { Influencer: [0.333333, 333], Search: [0.333334, 334], Referral: [0.333333, 333] }],
    ['position', { Influencer: [0.4, 400], Search: [0.2, 200], Referral: [0.4, 400] }],
  ])('%s: an influencer, then a search, then a blog, then an order of 10.00', (model, expected) => {
    expect(credited(journey, model)).toEqual(expected)
  })

  test('without a touch, with one too old, or with one from a payment page alone, it is Direct', () => {
    const at = 200 * DAY
    const cases: TouchAt[][] = [[], [{ ...kol, minute: at - 90 * DAY - 1 }], [{ ...pay, minute: at - 5 }]]
    for (const seen of cases)
      expect(credited({ touches: seen, conversions: [order(at)] }, 'last')).toEqual({ Direct: [1, 1000] })
    const inTime = [{ ...kol, minute: at - 90 * DAY }]
    expect(credited({ touches: inTime, conversions: [order(at)] }, 'last')).toEqual({ Influencer: [1, 1000] })
  })

  test('a touch in the minute of the order counts, one after it does not', () => {
    const both = [
      { ...kol, minute: 100 },
      { ...baidu, minute: 101 },
    ]
    expect(credited({ touches: both, conversions: [order(100)] }, 'last')).toEqual({ Influencer: [1, 1000] })
  })

  test('pages opened one after another are one touch while no pause is longer than 30 minutes', () => {
    const visit = [0, 25, 50].map((minute) => ({ ...kol, minute }))
    const again = { ...kol, minute: 81 }
    const last = { ...baidu, minute: 90 }
    const conversions = [order(100)]
    const half: [number, number] = [0.5, 500]
    expect(credited({ touches: [...visit, last], conversions }, 'linear')).toEqual({ Influencer: half, Search: half })
    expect(credited({ touches: [...visit, again, last], conversions }, 'linear')).toEqual({
      Influencer: [0.666667, 667],
      Search: [0.333333, 333],
    })
  })

  test('a visit that began before the lookback counts from its first touch within', () => {
    const at = 200 * DAY
    const edge = at - 90 * DAY
    const touches = [...[edge - 20, edge - 1, edge + 5].map((minute) => ({ ...kol, minute })), { ...baidu, minute: at }]
    const journey: Journey = { touches, conversions: [order(at)] }
    expect(credited(journey, 'first')).toEqual({ Influencer: [1, 1000] })
    expect(credited(journey, 'linear')).toEqual({ Influencer: [0.5, 500], Search: [0.5, 500] })
    const before = { touches: touches.slice(0, 2), conversions: [order(at)] }
    expect(credited(before, 'first')).toEqual({ Direct: [1, 1000] })
  })

  test('of a path of more than 500 touches the latest 500 count', () => {
    const many = Array.from({ length: 600 }, (_, i) => ({ ...kol, minute: i * 31 }))
    const after = pathsOf([{ ...baidu, minute: 0 }, ...many])(600 * 31)
    expect([after.length, after[0]?.minute]).toEqual([500, 100 * 31])
  })

  test('a long journey is counted in turns, each of a bounded number of looks', () => {
    let looks = 0
    const touches = Array.from({ length: 100_000 }, (_, i) => ({ ...kol, minute: i * 10 }))
    // Every reading of a touch's minute is a look.
    const watched = touches.map(({ minute, ...way }) => ({
      ...way,
      get minute() {
        looks++
        return minute
      },
    }))
    looks = 0
    const pathAt = pathsOf(watched)
    const prepared = looks
    looks = 0
    for (let i = 0; i < 1_000; i++) pathAt(1_000_000 - i)
    expect([prepared < 3 * touches.length, looks < 100 * 1_000]).toEqual([true, true])

    const conversions = Array.from({ length: 2_000 }, (_, i) => order(1_000_000 + i))
    const turns = [...countJourney(new Map(), { touches, conversions }, 'last', liner(channels, 'channel'))]
    expect(turns.length).toBeGreaterThanOrEqual(100_000 / 5_000)
    const visits = Array.from({ length: 500 }, (_, i) => ({ ...kol, minute: i * 31 }))
    const paths = { touches: visits, conversions: Array.from({ length: 200 }, (_, i) => order(15_500 + i)) }
    expect([...countJourney(new Map(), paths, 'linear', liner(channels, 'channel'))].length).toBeGreaterThan(15)
  })

  test('a customer is new with the first order known, whatever range is asked for', () => {
    const conversions = [order(1 * DAY, 5n, { counts: false }), order(9 * DAY), order(10 * DAY)]
    const late = tally([{ touches: [], conversions }], 'last')
    expect([late.conversions, late.credits.values().next().value?.credit.newMicro]).toEqual([2, 0n])
    const early = tally([{ touches: [], conversions: [order(9 * DAY), order(10 * DAY)] }], 'last')
    expect(early.credits.values().next().value?.credit).toEqual({ micro: 2n * MICRO, newMicro: MICRO, value: 2_000n })
  })

  test('by source, what names none is the host that sent; by campaign, what names none is nothing', () => {
    const lines = (by: 'source' | 'campaign'): string[] =>
      [...tally([journey], 'linear', by).credits.values()].map(({ channel, part }) => `${channel}: ${part}`)
    expect(lines('source')).toEqual(['Influencer: xhs', 'Search: baidu', 'Referral: blog.example'])
    expect(lines('campaign')).toEqual(['Influencer: spring', 'Search: ', 'Referral: '])
  })
})

const touch = fc.record({
  way: fc.constantFrom(baidu, kol, blog, pay, { ...nothing, source: 'somewhere' }),
  minute: fc.nat({ max: 200 * DAY }),
})
const journeys = fc.array(
  fc
    .record({
      touches: fc.array(touch, { maxLength: 30 }),
      conversions: fc.array(
        fc.record({
          minute: fc.nat({ max: 200 * DAY }),
          value: fc.bigInt({ min: 0n, max: 10n ** 12n }),
          currency: fc.constantFrom('CNY', 'CNY', 'JPY'),
          counts: fc.boolean(),
        }),
        { maxLength: 8 },
      ),
    })
    .map(
      (one): Journey => ({
        touches: one.touches.map(({ way, minute }) => ({ ...way, minute })).sort((a, b) => a.minute - b.minute),
        conversions: one.conversions.sort((a, b) => a.minute - b.minute),
      }),
    ),
  { maxLength: 6 },
)

describe('whatever happened', () => {
  test.each(MODELS)('%s: the channels add up to the conversions and their value, exactly', (model) => {
    fc.assert(
      fc.property(journeys, fc.constantFrom('channel', 'source', 'campaign'), (all, by) => {
        const tallies = new Map<string, Draft>()
        for (const journey of all) Array.from(countJourney(tallies, journey, model, liner(channels, by)))
        const counted = all.flatMap(({ conversions }) => conversions.filter(({ counts }) => counts))
        for (const currency of ['CNY', 'JPY']) {
          const own = counted.filter((one) => one.currency === currency)
          const credits = [...(tallies.get(currency)?.credits.values() ?? [])].map(({ credit }) => credit)
          const value = own.reduce((sum, one) => sum + one.value, 0n)
          expect(credits.reduce((sum, { micro }) => sum + micro, 0n)).toBe(BigInt(own.length) * MICRO)
          expect(credits.reduce((sum, one) => sum + one.value, 0n)).toBe(value)
          expect([tallies.get(currency)?.conversions ?? 0, tallies.get(currency)?.value ?? 0n]).toEqual([
            own.length,
            value,
          ])
        }
      }),
      { seed, numRuns: 300 },
    )
  })

  test('a share is off from its exact part by less than one', () => {
    const weights = fc.array(fc.bigInt({ min: 0n, max: 1_000n }), { minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 12n }), weights, (total, parts) => {
        const all = parts.reduce((sum, part) => sum + part, 0n)
        fc.pre(all > 0n)
        const given = shareOut(total, parts)
        expect(given.reduce((sum, share) => sum + share, 0n)).toBe(total)
        for (const [i, share] of given.entries()) {
          const off = share * all - total * parts[i]!
          expect(off <= all && off >= -all && share >= 0n).toBe(true)
        }
      }),
      { seed },
    )
  })
})
