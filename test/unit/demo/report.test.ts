import { expect, test } from 'vitest'
import type { DemoDocument } from '../../../src/demo/document.ts'
import { report } from '../../../src/demo/report.ts'
import { displayWidth } from '../../../src/demo/table.ts'
import { langOf } from '../../../src/demo/words.ts'

const row = (channel: string, conversions: number, roi: number | null) => {
  return { channel, conversions, value: `${conversions}00.00`, cost: roi === null ? null : '50.00', roi, cac: null }
}
const clause = (name: string, line: number) => ({ clause: name, says: 'in the words of the gateway', line })
const counted = (orders: number) => ({ orders, opened: orders - 1, closed: orders - 2 })

const document: DemoDocument = {
  synthetic: true,
  shop: { seed: 7, people: 2, from: '2026-10-23', to: '2026-11-21' },
  events: { received: 1_000, outcomes: { accepted: 600, refused: 400 } },
  refused: [
    { reason: 'refused-by-person', events: 300 },
    { reason: 'no-consent', events: 60 },
    { reason: 'something-new', events: 30 },
    { reason: 'unknown-event', events: 10 },
  ],
  delivered: [{ module: 'attribution', events: 500, withheld: 3 }],
  credit: {
    first: {
      model: 'first',
      currency: 'CNY',
      channels: [row('Influencer', 40, 1.5), row('Direct', 2, null)],
      unattributed: { conversions: null, value: null },
    },
    last: {
      model: 'last',
      currency: 'CNY',
      channels: [row('Paid Search', 42, -0.25)],
      unattributed: { conversions: 12, value: '340.00' },
    },
  },
  story: {
    opens: { channel: 'Influencer', first: 40, last: 0 },
    closes: { channel: 'Paid Search', first: 0, last: 42 },
  },
  alsoBought: [
    {
      product_id: 'longjing',
      en: 'Longjing',
      zh: '龙井',
      items: [{ product_id: 'glass-cup', en: 'Cup', zh: '玻璃杯', together: 9, of: 20 }],
    },
  ],
  decision: {
    messageId: 'demo-00001',
    event: 'Order Completed',
    outcome: 'permitted',
    policy: { version: 1 },
    destinations: [
      {
        destination: 'attribution',
        purpose: 'attribution',
        permitted: true,
        clauses: [clause('granted', 25)],
        fields: ['properties.total'],
      },
      {
        destination: 'recommendation',
        purpose: 'personalisation',
        permitted: false,
        clauses: [clause('refused-by-person', 30), clause('no-consent', 30)],
        fields: [],
        wouldPermit: { choices: [{ purpose: 'personalisation', act: 'grant' }] },
      },
    ],
    fields: { removed: ['context.page.path', 'properties.coupon'] },
  },
  withdrawal: {
    person: 'customer-003',
    answeredMs: 7.5,
    forgottenMs: 120,
    credit: { before: counted(42), after: counted(41) },
    recommendations: { before: 'personal', after: 'context' },
    lastEvent: { outcome: 'accepted' },
    nextEvent: { outcome: 'refused', reason: 'refused-by-person' },
  },
  seconds: { total: 12.3 },
}

test('a table’s lines are as wide as its rule in both languages, whatever a cell holds', () => {
  for (const lang of ['en', 'zh'] as const) {
    const lines = report(document, lang, 80).split('\n')
    const rules = lines.flatMap((line, i) => (/^ {2}─[─ ]+$/.test(line) ? [i] : []))
    expect(rules).toHaveLength(6)
    for (const at of rules) {
      expect(displayWidth(lines[at - 1]!)).toBeLessThanOrEqual(displayWidth(lines[at]!))
      for (let i = at + 1; /^ {2}.* {2}[\d¥]\S*$/.test(lines[i] ?? ''); i++) {
        expect(displayWidth(lines[i]!)).toBe(displayWidth(lines[at]!))
      }
    }
  }
})

test('it names the three commonest reasons in a table, an unknown one by its code, and the others below', () => {
  const text = report(document, 'en', 120)
  expect(text).toMatch(/the person refused or withdrew +refused-by-person +300/)
  expect(text).toMatch(/something-new +something-new +30/)
  expect(text).toContain('\n  and 10 unknown-event: the policy does not know the event\n')
})

test('a channel of one model alone has no orders in the other, and no return where nothing was spent', () => {
  const text = report(document, 'en', 120)
  expect(text).toMatch(/Influencer +40 +0 +¥4,000 +– +¥50 +150 % +–/)
  expect(text).toMatch(/Paid Search +0 +42 +– +¥4,200 +¥50 +– +-25 %/)
  expect(text).toMatch(/Direct +2 +0 +¥200 +– +– +– +–/)
  expect(text).toContain('Influencer opens 40 orders and closes 0; Paid Search opens 0 and closes 42.')
  expect(text).toContain('Unattributed: 12 orders, ¥340')
})

test.each(['en', 'zh'] as const)('no line of it is wider than the terminal (%s)', (lang) => {
  for (const width of [80, 100, 120]) {
    for (const line of report(document, lang, width).split('\n')) expect(displayWidth(line)).toBeLessThanOrEqual(width)
  }
})

test('it says why the figures of delivery vary, and what was kept back only where something was', () => {
  const one = report(document, 'en', 120)
  expect(one).toMatch(/module +events +kept back: consent had gone\n.*\n {2}attribution +500 +3\n/)
  const none = { ...document, delivered: [{ module: 'attribution', events: 500, withheld: 0 }] }
  const text = report(none, 'en', 120)
  expect(text).not.toContain('kept back')
  expect(text).toMatch(/ {2}attribution +500\n.*withdrawal in the sample overtakes delivery/)
  expect(report(none, 'zh', 120)).not.toContain('因已撤回同意而未交付')
})

test('a decision is told per module, with the first clause and what would have changed it', () => {
  expect(report(document, 'en', 120)).toContain(
    [
      '  ✓ attribution received it: consent to attribution was given and stands (policy line 25)',
      '  ✗ recommendation did not: personalisation was refused or withdrawn (policy line 30)',
      '  Reached no module: context.page.path, properties.coupon.',
      '  What would have changed it: consent to personalisation.',
    ].join('\n'),
  )
})

test('in Chinese it says the same, and that nobody in it is real', () => {
  const text = report(document, 'zh', 120)
  expect(text).toMatch(/龙井 +玻璃杯 +9 \/ 20/)
  expect(text).toContain('✗ 推荐模块未收到：已拒绝或撤回个性化（策略第 30 行）')
  expect(text).toContain('数据均为合成（随机种子 7），不涉及任何真实个人。')
  expect(text).toContain('拒绝（refused-by-person）')
  expect(text).toContain('context.page.path、properties.coupon。')
  expect(text).not.toMatch(/\b(received|refused it|channel|before|after)\b/)
})

test.each([
  ['zh_CN.UTF-8', 'zh'],
  ['zh', 'zh'],
  ['ZH_TW', 'zh'],
  ['en_GB.UTF-8', 'en'],
  ['C', 'en'],
  [undefined, 'en'],
])('the locale %s reads %s', (locale, lang) => {
  expect(langOf(locale)).toBe(lang)
})
