import { expect, test } from 'vitest'
import { changed, compiled, SMALL } from './small-policy.ts'

test('comments, layout and order of the text do not change the fingerprint', () => {
  const other = changed('  reco: {kind: module, purpose: personalisation, role: self, region: CN, time: day}\n', '')
    .replace('tokens:', '  reco: {time: day, kind: module, role: self, purpose: personalisation, region: CN}\ntokens:')
    .replace('policy: small', '# a comment\npolicy:    small')
  expect(compiled(other).fingerprint).toBe(compiled().fingerprint)
  expect(compiled(other).eventList.map((rule) => [rule.index, rule.key])).toEqual(
    compiled().eventList.map((rule) => [rule.index, rule.key]),
  )
})

test.each([
  ['a retention', 'retain_days: 180', 'retain_days: 181'],
  ['a field of a route', '[properties.total, context.page.path]', '[properties.total]'],
  ['a class of a field', 'text: [note]', 'behaviour: [note]'],
  ['a category', '[Functional]', '[Functional, Comfort]'],
  ['a signal', 'analytics: {basis: consent,', 'analytics: {basis: consent, gpc: true,'],
  ['a token', '  order_id: order\n', '  order_id: cart\n'],
  ['the first day', '2026-11-01', '2026-11-02'],
])('%s changes the fingerprint', (_name, piece, by) => {
  expect(changed(piece, by)).not.toBe(SMALL)
  const text = changed(piece, by)
  expect(compiled(text).fingerprint).not.toBe(compiled().fingerprint)
})

test('the policy cannot be altered once it is compiled', () => {
  const policy = compiled()
  expect(Object.isFrozen(policy)).toBe(true)
  expect(Object.isFrozen(policy.eventList[0]?.routes)).toBe(true)
  expect(() => Object.assign(policy.basisOf, { analytics: 'contract' })).toThrow(TypeError)
})

test('paths are in a fixed order and each destination has a bit of its own', () => {
  const rule = compiled().events.get('track:Bought')
  expect(rule?.paths).toEqual([
    'context.page.path',
    'context.visitId',
    'properties.address.city',
    'properties.birthday',
    'properties.email',
    'properties.note',
    'properties.order_id',
    'properties.products[].product_id',
    'properties.products[].quantity',
    'properties.total',
  ])
  expect(rule?.routes.map((route) => [route.destination.name, route.bit])).toEqual([
    ['reco', 1],
    ['reports', 2],
    ['shipping', 4],
  ])
  expect(rule?.order).toBe(true)
  expect(rule?.tokenOf).toEqual(
    new Map([
      ['properties.order_id', 'order'],
      ['context.visitId', 'visit'],
    ]),
  )
  expect(rule?.routes[1]?.where).toEqual({ line: 42, column: 9 })
})

test('a third party, a transfer abroad and a sensitive field make a route wait for a separate consent', () => {
  const third = changed(
    'reports: {kind: module, purpose: analytics, role: self',
    'reports: {kind: probe, purpose: analytics, recipient_notice: N, pia_ref: P, role: third-party',
  )
  const abroad = changed(
    'reports: {kind: module, purpose: analytics, role: self, region: CN',
    'reports: {kind: module, purpose: analytics, role: self, region: US, pia_ref: P, cn_mechanism: {type: certification, ref: C}',
  )
  const sensitive = changed('reports: {kind: module,', 'reports: {kind: module, pia_ref: P,').replace(
    '[properties.total, context',
    '[properties.birthday, context',
  )
  for (const text of [third, abroad, sensitive]) {
    const flags = compiled(text)
      .events.get('track:Bought')
      ?.routes.map((route) => route.separateConsent)
    expect(flags).toEqual([false, true, false])
  }
})

test('categories keep their spelling beside the names that are compared without it, in an order of their own', () => {
  const { categories, categoryNames } = compiled(changed('[Functional]', '[Functional, C0003]'))
  expect(categoryNames).toEqual([
    'C0003',
    'Functional',
    'Performance',
    'advertising',
    'analytics',
    'attribution',
    'essential',
    'personalisation',
  ])
  expect(categoryNames.every((name) => categories.has(name.toLowerCase()))).toBe(true)
  const other = compiled(changed('[Functional]', '[C0003, Functional]'))
  expect(other.fingerprint).toBe(compiled(changed('[Functional]', '[Functional, C0003]')).fingerprint)
})
