import { expect, test } from 'vitest'
import { problemLine, readPolicy } from '../../../src/policy/read.ts'
import { changed, SMALL } from './small-policy.ts'

/** [what the loader refuses, the piece of the policy, what stands there instead, the line by a text on it, the message] */
type Case = readonly [name: string, piece: string, by: string, line: string, says: RegExp]

const MODULE = 'reco: {kind: module, purpose: personalisation, role: self, region: CN, time: day}'
const ABROAD = 'reco: {kind: module, purpose: personalisation, role: self, region: US, time: day'
const ROUTE = "reco: {purpose: personalisation, fields: [properties.product_id, 'properties.tags[]']}"
const routed = (field: string): string => `reco: {purpose: personalisation, fields: [${field}]}`
const CONTACT = 'contact: {retain_days: 365, may_reach: ourselves}'

const cases: readonly Case[] = [
  // pseudonyms
  [
    'pseudonyms of a third kind',
    MODULE,
    MODULE.replace('}', ', pseudonyms: eternal}'),
    'pseudonyms: eternal',
    /`pseudonyms` is not right: write one of linkable, rolling/,
  ],
  [
    'a period of pseudonyms that do not roll',
    MODULE,
    MODULE.replace('}', ', rolling_days: 30}'),
    'rolling_days: 30',
    /linkable pseudonyms have no period: write pseudonyms: rolling/,
  ],
  [
    'a period so short that one person has too many pseudonyms',
    MODULE,
    MODULE.replace('}', ', pseudonyms: rolling, rolling_days: 2}'),
    'rolling_days: 2',
    /more than 60 pseudonyms at once: write rolling_days: \d+ or more/,
  ],
  [
    'a share of linkable people above all of them',
    'policy: small',
    'policy: small\nlinkability: {max_share: 2}',
    'max_share: 2',
    /`max_share` is not right: write a share from 0 to 1/,
  ],
  // shape
  [
    'an unknown key',
    'policy: small',
    'policy: small\ncolour: red',
    'colour',
    /`colour` is not known here: take it out; known/,
  ],
  ['an unknown key inside', 'effective: 2026', 'x: 1\neffective: 2026', 'x: 1', /`x` is not known here/],
  [
    'an unknown key of a class',
    '{retain_days: 180}',
    '{retain_days: 180, keep: 1}',
    'behaviour: {retain',
    /`keep` is not known here.*retain_days/,
  ],
  [
    'a key that stands twice',
    'policy: small',
    'policy: small\npolicy: big',
    'policy: big',
    /`policy` stands twice: keep one/,
  ],
  ['a missing section', 'policy: small\n', '', 'apiVersion', /`policy` is missing: write a name/],
  [
    'a wrong type',
    'retain_days: 180',
    'retain_days: half a year',
    'half a year',
    /`retain_days` is not right: write a whole number of days/,
  ],
  ['days that are no whole number', 'retain_days: 180', 'retain_days: 0.5', '0.5', /write a whole number of days/],
  [
    'a class without retention',
    'behaviour: {retain_days: 180}',
    'behaviour: {}',
    'behaviour: {}',
    /`retain_days` is missing/,
  ],
  ['a date that is none', '2026-11-01', '2026-02-30', 'effective', /`effective` is not right: write the first day/],
  ['a missing date', 'effective: 2026-11-01\n', '', 'apiVersion', /`effective` is missing/],
  ['another api version', 'weir/v1', 'weir/v2', 'apiVersion', /write apiVersion: weir\/v1/],
  [
    'an unknown law',
    '[PIPL, GDPR, CCPA]',
    '[PIPL, LGPD]',
    'laws',
    /entry 2 of `laws` is not right: write one of PIPL, GDPR, CCPA/,
  ],
  ['no law', '[PIPL, GDPR, CCPA]', '[]', 'laws', /name at least one law/],
  [
    'an unknown purpose',
    '  advertising: {',
    '  profiling: {basis: consent}\n  advertising: {',
    'profiling',
    /`profiling` is not known here.*essential/,
  ],
  ['a purpose left out', '  advertising: {basis: consent, gpc: true}\n', '', 'purposes:', /`advertising` is missing/],
  [
    'an unknown basis',
    '{basis: contract}',
    '{basis: vital}',
    'basis: vital',
    /`basis` is not right: write one of consent, contract, legal-duty$/,
  ],
  [
    'a class name that is no name',
    'text: {',
    'Free Text: {',
    'Free Text',
    /`Free Text` cannot be a name here: write a name of lower-case/,
  ],
  [
    'fields without a class',
    'fields: {contact: [email]}',
    'fields: [email]',
    'fields: [email]',
    /write lists of fields by class/,
  ],
  ['a field that is no name', '[email]}', '[[email]]}', '[[email]]', /write a list, for instance/],
  ['an unknown kind of event', '  identify:', '  detect:', 'detect', /`detect` is not known here/],
  [
    'a destination without purpose',
    'kind: module, purpose: personalisation, ',
    'kind: module, ',
    'reco: {kind',
    /`purpose` is missing: write one of essential/,
  ],
  ['a region that is no code', MODULE, MODULE.replace('CN', 'China'), 'China', /write an ISO 3166 code/],
  [
    'an empty route',
    ROUTE,
    'reco: {purpose: personalisation, fields: []}',
    'fields: []',
    /write every field that may pass, or take the route out/,
  ],
  ['a token of no kind', 'order_id: order\n', 'order_id: parcel\n', 'parcel', /write one of order, cart, visit/],
  // text
  ['broken YAML', 'policy: small', 'policy: small: big', 'policy:', /not valid YAML \(Nested mappings/],
  ['an alias', 'policy: small', 'policy: &a small\nx: *a', 'x: *a', /aliases \(\*name\) are not read/],
  ['an anchor', 'policy: small', 'policy: &a small', 'policy: &a', /anchors \(&name\) are not read: take/],
  ['a merge key', 'essential: {', 'essential: {<<: {}, ', 'essential', /merge keys \(<<\) are not read/],
  ['a tag', 'policy: small', 'policy: !secret small', '!secret', /YAML|tags/],
  ['__proto__', 'reports: {kind', '__proto__: {kind', '__proto__', /`__proto__` cannot be a name/],
  ['constructor as a class', '  text: {', '  constructor: {', 'constructor', /`constructor` cannot be a name/],
  // law
  [
    'legitimate interest under PIPL',
    'analytics: {basis: consent',
    'analytics: {basis: legitimate-interest',
    'legitimate-interest',
    /no legitimate interest under PIPL \(Art. 13\): write basis: consent/,
  ],
  [
    'advertising as a contract',
    'advertising: {basis: consent, gpc: true}',
    'advertising: {basis: contract, gpc: true}',
    'advertising',
    /advertising is not necessary for a contract/,
  ],
  [
    'gpc on what needs no consent',
    '{basis: contract}',
    '{basis: contract, gpc: true}',
    'essential',
    /a signal cannot refuse what needs no consent/,
  ],
  [
    'advertising without gpc under CCPA',
    'advertising: {basis: consent, gpc: true}',
    'advertising: {basis: consent}',
    'advertising:',
    /must honour Sec-GPC under CCPA.*write gpc: true/,
  ],
  [
    'one category for two purposes',
    '[Functional]',
    '[performance]',
    'personalisation: {basis',
    /already stands for analytics: name it under one/,
  ],
  [
    'a purpose name as another category',
    '[Functional]',
    '[advertising]',
    'personalisation: {basis',
    /already stands for advertising/,
  ],
  [
    'a third party without notice',
    MODULE,
    MODULE.replace('self', 'third-party'),
    'third-party',
    /write recipient_notice:/,
  ],
  ['a third party without assessment', MODULE, MODULE.replace('self', 'third-party'), 'third-party', /write pia_ref:/],
  [
    'a module run by a third party',
    MODULE,
    MODULE.replace('self', 'third-party'),
    'third-party',
    /a hosted module is run by the shop/,
  ],
  [
    'an entrusted processor without assessment',
    MODULE,
    MODULE.replace('self', 'entrusted'),
    'entrusted',
    /needs an impact assessment first \(PIPL 55/,
  ],
  [
    'a transfer abroad without mechanism',
    MODULE,
    `${ABROAD}}`,
    'region: US',
    /without a mechanism \(PIPL 38\): write cn_mechanism/,
  ],
  [
    'a transfer abroad without assessment',
    MODULE,
    `${ABROAD}, cn_mechanism: {type: standard-contract, ref: S-1}}`,
    'region: US',
    /write pia_ref/,
  ],
  [
    'a mechanism that does not exist',
    MODULE,
    `${ABROAD}, pia_ref: P-1, cn_mechanism: {type: handshake, ref: S-1}}`,
    'region: US',
    /write one of assessment, certification/,
  ],
  // retention
  [
    'a share of rows that is none',
    'fields:\n  line:',
    'retention: {fuse_share: 1.5}\nfields:\n  line:',
    'fuse_share: 1.5',
    /write a share above 0, at most 1/,
  ],
  [
    'a floor without a law',
    ', floor_basis: E-commerce Law 31',
    '',
    'order: {retain',
    /a floor needs the law it comes from/,
  ],
  [
    'a floor that is shorter than the statute it names',
    'floor_days: 1095, floor_basis: E-commerce Law 31',
    'floor_days: 1094, floor_basis: E-commerce Law 31',
    'floor_days: 1094',
    /1094 days are shorter than E-commerce Law 31 says \(3 years\).*write floor_days: 1095 or more/,
  ],
  [
    'the same statute by its Chinese name',
    'floor_days: 1095, floor_basis: E-commerce Law 31',
    'floor_days: 365, floor_basis: 电子商务法第三十一条',
    'floor_days: 365',
    /365 days are shorter than E-commerce Law 31/,
  ],
  [
    'days as the step of a long retention',
    '{retain_days: 180}',
    '{retain_days: 180, step: day}',
    'step: day',
    /step: day does not suit 180 days.*write step: month/,
  ],
  [
    'months as the step of a short one',
    '{retain_days: 7,',
    '{retain_days: 7, step: month,',
    'step: month',
    /write step: day/,
  ],
  [
    'no class for unknown fields',
    '  unclassified: {retain_days: 30, may_reach: nobody}\n',
    '',
    'classes:',
    /no class for unknown fields: write unclassified:/,
  ],
  [
    'unknown fields that may be handed on',
    '{retain_days: 30, may_reach: nobody}',
    '{retain_days: 30}',
    'unclassified: {',
    /forwarded to nobody: write may_reach: nobody/,
  ],
  [
    'more partitions than the database is to hold',
    CONTACT,
    `${CONTACT}\n  a: {retain_days: 31}\n  b: {retain_days: 31}\n  c: {retain_days: 31}`,
    'classes:',
    /partitions, 200 are the limit/,
  ],
  // fields
  [
    'a class that does not exist',
    'fields: {contact: [email]}',
    'fields: {phone: [email]}',
    'phone: [email]',
    /there is no class `phone`: write one of contact/,
  ],
  [
    'a class inherited from every object',
    'fields: {contact: [email]}',
    'fields: {toString: [email]}',
    'toString',
    /there is no class `toString`/,
  ],
  [
    'a group that does not exist',
    'products[]: [line]',
    'products[]: [lines]',
    '[lines]',
    /no group of fields `lines`: write one of line/,
  ],
  [
    'a group that includes itself',
    '    behaviour: [product_id, quantity]',
    '    include: [line]',
    'include: [line]',
    /`line` includes itself/,
  ],
  [
    'a wildcard field',
    'text: [note]',
    "text: ['*']",
    "'*'",
    /`\*` is no field name: name every field: wildcards are not read/,
  ],
  ['a field with a dangerous name', 'text: [note]', 'text: [a.__proto__.b]', '__proto__', /is no field name/],
  [
    'a field in two classes',
    'text: [note]',
    'text: [note, total]',
    'text: [note',
    /properties.total is both order and text: classify it once/,
  ],
  [
    'a field that is value and object',
    'text: [note]',
    'text: [note, address]',
    'contact: [email, address',
    /properties.address.city is classified as two shapes/,
  ],
  ['a list within a list', "['tags[]']", "['tags[][]']", 'tags[][]', /is no field name/],
  [
    'a field classified as unclassified',
    'text: [note]',
    'unclassified: [note]',
    'unclassified: [note]',
    /choose the class/,
  ],
  [
    'a token that no field bears',
    '  order_id: order\n',
    '  order_id: order\n  parcel_id: order\n',
    'parcel_id',
    /no event has a field `parcel_id`/,
  ],
  // routes
  [
    'a route to nobody',
    ROUTE,
    ROUTE.replace('reco', 'ads'),
    'ads: {',
    /there is no destination `ads`: write one of: reco/,
  ],
  [
    'a route of another purpose',
    ROUTE,
    ROUTE.replace('personalisation', 'analytics'),
    'properties.tags',
    /serves analytics, its destination personalisation: write purpose: personalisation/,
  ],
  [
    'a field that is not classified',
    ROUTE,
    routed('properties.colour'),
    'colour',
    /properties.colour is not a classified field of Looked: classify it/,
  ],
  ['a field without its root', ROUTE, routed('product_id'), '[product_id]}', /write properties.product_id/],
  ['a context field without its root', ROUTE, routed('visitId'), '[visitId]', /write context.visitId/],
  [
    'a wildcard in a route',
    ROUTE,
    routed("'properties.*'"),
    'properties.*',
    /a route takes no wildcard: name every field/,
  ],
  [
    'a field routed twice',
    ROUTE,
    routed('properties.product_id, properties.product_id'),
    'properties.product_id, properties',
    /stands twice/,
  ],
  [
    'free text in a route',
    'fields: [properties.total, context',
    'fields: [properties.note, context',
    'properties.note',
    /is text, which is handed to nobody/,
  ],
  [
    'a sensitive field without assessment',
    'fields: [properties.total, context',
    'fields: [properties.birthday, context',
    'properties.birthday',
    /sensitive: reports needs an impact assessment and a separate consent.*pia_ref/,
  ],
  [
    'totals of what is no order',
    'fields: {contact: [email]}',
    'fields: {contact: [email]}\n    totals: true',
    'totals: true\n',
    /totals count tracked orders only/,
  ],
]

test.each(cases)('the loader refuses %s and says where', (_name, piece, by, line, says) => {
  const text = changed(piece, by)
  const { problems } = readPolicy(text)
  expect(problems).toBeDefined()
  const lines = (problems ?? []).map((problem) => problemLine('p.yaml', problem))
  const place = line.endsWith('\n') ? text.lastIndexOf(line) : text.indexOf(line)
  expect(place).toBeGreaterThanOrEqual(0)
  const at = text.slice(0, place).split('\n').length
  const found = lines.find((message) => message.startsWith(`p.yaml:${at}:`) && says.test(message))
  expect(found, `line ${at}, among:\n${lines.join('\n')}`).toBeDefined()
})

test('the policy that these cases start from holds', () => {
  expect(readPolicy(SMALL).problems).toBeUndefined()
})

test('contact fields do not go to a third party, whatever notices and assessments there are', () => {
  const text = changed(
    'shipping: {kind: module, purpose: essential, role: self, region: CN',
    'shipping: {kind: probe, purpose: essential, role: third-party, recipient_notice: N, pia_ref: P, region: CN',
  )
  const messages = (readPolicy(text).problems ?? []).map((problem) => `${problem.what}: ${problem.fix}`)
  expect(messages).toEqual([
    'properties.address.city is contact, which shipping may not have (role third-party): take it out of the route',
  ])
})

test('every problem of a text is said at once, in the order of the text', () => {
  const text = changed('policy: small', 'policy: Small').replace('retain_days: 180', 'retain_days: x')
  expect((readPolicy(text).problems ?? []).map((problem) => problem.line)).toEqual([2, 13])
  const proofs = changed('analytics: {basis: consent', 'analytics: {basis: contract').replace(
    'text: [note]',
    'text: [note, total]',
  )
  expect((readPolicy(proofs).problems ?? []).map((problem) => problem.line)).toEqual([7, 36])
})

test('a problem names line and column of the value that is wrong', () => {
  const [problem] = readPolicy(changed('retain_days: 180', 'retain_days: x')).problems ?? []
  expect(problem).toMatchObject({ line: 13, column: 28 })
})

test('a mistake of syntax is one problem, not what the parser stumbles over afterwards', () => {
  const problems = readPolicy(changed('policy: small', 'policy: [small')).problems ?? []
  expect(problems.map(({ what }) => what)).toEqual([expect.stringContaining('not valid YAML')])
})
