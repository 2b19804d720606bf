import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { IncomingEvent } from '../../../src/event/event.ts'
import { parseJson } from '../../../src/http/json.ts'
import { InvalidMessage } from '../../../src/http/protocols/message.ts'
import { type Envelope, readMessage } from '../../../src/http/protocols/segment.ts'

const NOW = Date.parse('2026-11-20T12:00:00Z')
const claim = { refused: 0, granted: 0, evidence: [], unreadable: false }
const envelope: Envelope = { receivedAt: NOW, claim: () => claim, suspicious: false }
const read = (message: unknown, more: Partial<Envelope> = {}) => readMessage(message, { ...envelope, ...more })
const track = (more: object = {}) => ({ type: 'track', event: 'e', userId: 'u', messageId: 'm', ...more })

/** Any message: every field of the protocol with any JSON in it, often of the right type. */
const anything = fc.jsonValue({ maxDepth: 4 })
const field = (good: fc.Arbitrary<unknown>) => fc.oneof(good, anything)
const page = fc.record(
  {
    url: field(fc.webUrl({ withQueryParameters: true })),
    path: field(fc.string()),
    title: field(fc.string()),
    referrer: field(fc.webUrl()),
    search: field(fc.string()),
  },
  { requiredKeys: [] },
)
const context = fc.record(
  {
    page: field(page),
    campaign: field(fc.dictionary(fc.constantFrom('source', 'medium', 'name'), anything)),
    ip: field(fc.ipV4()),
    userAgent: field(fc.string()),
    locale: field(fc.constant('zh-CN')),
    timezone: field(fc.constant('Asia/Shanghai')),
    sessionId: field(fc.integer()),
    traits: anything,
    device: anything,
  },
  { requiredKeys: [] },
)
const messages = fc.record(
  {
    type: field(fc.constantFrom('track', 'identify', 'page', 'screen', 'group', 'alias')),
    event: field(fc.string()),
    userId: field(fc.string()),
    anonymousId: field(fc.uuid()),
    previousId: field(fc.string()),
    groupId: field(fc.string()),
    messageId: field(fc.uuid()),
    timestamp: field(fc.date({ noInvalidDate: true }).map((date) => date.toISOString())),
    originalTimestamp: anything,
    sentAt: anything,
    properties: field(fc.dictionary(fc.string(), anything)),
    traits: field(fc.dictionary(fc.string(), anything)),
    context: field(context),
    integrations: anything,
    anonymousSecret: anything,
  },
  { requiredKeys: [] },
)

function outcome(text: string): IncomingEvent | InvalidMessage {
  const { value, suspicious } = parseJson(Buffer.from(text))
  try {
    return read(value, { suspicious })
  } catch (error) {
    if (error instanceof InvalidMessage) return error
    throw error
  }
}

test('any types in any field give an event or a reason, never a crash', () => {
  fc.assert(
    fc.property(messages, (message) => {
      const result = outcome(JSON.stringify(message))
      if (result instanceof InvalidMessage) {
        expect(result.reason).toMatch(/^\S.{1,260}$/)
        return
      }
      expect(typeof result.messageId === 'string' && result.messageId.length <= 100).toBe(true)
      expect(result.userId ?? result.anonymousId).toBeTruthy()
      expect(Number.isSafeInteger(result.occurredAt) && result.occurredAt <= NOW + 300_000).toBe(true)
      const text = JSON.stringify(result)
      expect(text.isWellFormed() && !/\\u0000|\\ud[89a-f]/.test(text)).toBe(true)
    }),
    { numRuns: 2_000 },
  )
})

test('a reason never holds a value that was sent', () => {
  fc.assert(
    fc.property(messages, (message) => {
      const marked = JSON.parse(JSON.stringify(message), (_key, value: unknown) =>
        typeof value === 'string' ? `marker${value}` : value,
      ) as unknown
      const result = outcome(JSON.stringify(marked))
      if (result instanceof InvalidMessage) expect(result.reason).not.toContain('marker')
    }),
  )
})

test('a NUL or half a character anywhere makes the message invalid', () => {
  fc.assert(
    fc.property(messages, fc.constantFrom('\u0000', '\ud800', '\udc00'), (message, bad) => {
      const text = JSON.stringify(message, (_key, value: unknown) => (typeof value === 'string' ? value + bad : value))
      if (JSON.stringify(message) !== text) expect(outcome(text)).toBeInstanceOf(InvalidMessage)
    }),
  )
})

test('what a context may carry further is a closed list', () => {
  const kept = new Set(['ipPrefix', 'userAgent', 'locale', 'timezone', 'page', 'referrer', 'campaign', 'visitId'])
  fc.assert(
    fc.property(context, (given) => {
      const result = outcome(JSON.stringify(track({ context: given })))
      if (!(result instanceof InvalidMessage))
        expect(Object.keys(result.context).filter((key) => !kept.has(key))).toEqual([])
    }),
  )
})

test('"", null and missing are alike', () => {
  for (const empty of ['', null, undefined]) {
    const event = read(
      track({ anonymousId: empty, properties: empty, context: empty, timestamp: empty, sentAt: empty }),
    )
    expect(event).toEqual({
      messageId: 'm',
      type: 'track',
      name: 'e',
      userId: 'u',
      occurredAt: NOW,
      properties: {},
      context: {},
      claim,
    })
  }
})

test('numbers as ids become texts, and texts that mean nobody are nobody', () => {
  expect(read(track({ userId: 42, anonymousId: 'null' }))).toMatchObject({ userId: '42' })
  expect(read(track({ anonymousId: 'null' }))).not.toHaveProperty('anonymousId')
  expect(() => read(track({ userId: 1.5 }))).toThrow('not exact')
})

test('a message without an id gets one of its own', () => {
  expect(read(track({ messageId: '' })).messageId).toMatch(/^[0-9a-f-]{36}$/)
})

test('the context of a batch lies beneath each message’s own', () => {
  const shared = { locale: 'en-US', page: { url: 'https://a.example/x?y=1' } }
  const seen: unknown[] = []
  const event = read(track({ context: { locale: 'zh-CN' } }), {
    context: shared,
    claim: (merged) => {
      seen.push(merged)
      return claim
    },
  })
  expect(event.context).toEqual({ locale: 'zh-CN', page: { origin: 'https://a.example', path: '/x' } })
  expect(seen).toEqual([{ ...shared, locale: 'zh-CN' }])
})

test('addresses in properties lose their query, wherever they stand', () => {
  const url = 'https://shop.example/p/lamp?email=a@b.c#x'
  const event = read(
    track({
      properties: {
        url,
        referrer: 'app://x?y',
        search: '?q',
        path: '/u/a@b.c',
        products: [{ url, image_url: url, name: 'Lamp' }],
        note: url,
      },
    }),
  )
  const bare = 'https://shop.example/p/lamp'
  expect(event.properties).toEqual({
    url: bare,
    path: '/u/:redacted',
    products: [{ url: bare, image_url: bare, name: 'Lamp' }],
    note: bare,
  })
})

test('campaign tags come from the client, else from the URL before its query goes, and never name a person', () => {
  const of = (context: object) => read(track({ context })).context.campaign
  const url =
    'https://a.example/?utm_source=weibo&utm_medium=kol&utm_campaign=spring&utm_term=a%40b.c&utm_content=8613812345678'
  expect(of({ page: { url } })).toEqual({ source: 'weibo', medium: 'kol', name: 'spring' })
  expect(of({ page: { url }, campaign: { source: 'own' } })).toEqual({ source: 'own', medium: 'kol', name: 'spring' })
  expect(of({ page: { url: 'https://a.example/', search: '?utm_source=x' } })).toEqual({ source: 'x' })
  expect(of({ campaign: { source: '一'.repeat(150), name: 'eyJhbGciOiJIUzI1NiIsInR5cCI6' } })).toEqual({
    source: '一'.repeat(100),
  })
  expect(of({ page: { url: 'https://a.example/?x=1' } })).toBeUndefined()
})
