import { createSecretKey } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type SubjectId, subjectId } from '../../../src/event/ids.ts'
import type { Purpose } from '../../../src/event/purpose.ts'
import { blindIndex, eventKey, orderKey, secretHash } from '../../../src/identity/blind-index.ts'
import { checkRemote, composeRemote } from '../../../src/keys/providers/remote-wrapping.ts'
import { unwrapUnderRoot, wrapUnderRoot } from '../../../src/keys/wrapping.ts'
import { lpConcat } from '../../../src/protect/layouts.ts'
import { makePseudonymiser } from '../../../src/protect/pseudonymise.ts'
import { openRecord, sealRecord } from '../../../src/protect/seal.ts'
import { deriveGroupKey, unwrapSubjectKey, wrapSubjectKey } from '../../../src/protect/subject-key.ts'

const key = createSecretKey(Buffer.alloc(32, 0x5a))
const content = Buffer.alloc(32, 0xa5)
const other = createSecretKey(content)
const uuid = fc.uuid({ version: 4 })

/**
 * A layout that seals: parts are UUIDs in their text form, so that each of them can stand in the place of any other.
 * `open` throws where it does not open.
 */
interface Sealing {
  readonly parts: number
  readonly seal: (parts: readonly string[]) => Buffer
  readonly open: (parts: readonly string[], sealed: Buffer) => unknown
}

const place = ([subject = '', table = '', group = '', record = '']: readonly string[]) => ({
  subject,
  table,
  group,
  record: Buffer.from(record),
})
const context = ([a = '', b = '', c = '', d = '']: readonly string[]) => ({ [a]: b, [c]: d })

const sealings: Record<string, Sealing> = {
  'field ciphertext': {
    parts: 4,
    seal: (parts) => sealRecord(key, place(parts), { keyVersion: 1, contextId: 7 }, content),
    open: (parts, sealed) => openRecord(key, place(parts), sealed),
  },
  'wrapped subject key': {
    parts: 1,
    seal: ([subject = '']) => wrapSubjectKey(key, { kid: 3, keyVersion: 1 }, subjectId(subject), other),
    open: ([subject = ''], sealed) => unwrapSubjectKey(key, subjectId(subject), sealed),
  },
  'key wrapped by a root': {
    parts: 4,
    seal: (parts) => wrapUnderRoot(key, 1, context(parts), content),
    open: (parts, sealed) => unwrapUnderRoot(key, context(parts), sealed),
  },
  'key wrapped by a service': {
    parts: 4,
    seal: (parts) => composeRemote('vault', { version: '3', ciphertext: Buffer.alloc(60, 9) }, content, context(parts)),
    open: (parts, sealed) => checkRemote('vault', sealed, content, context(parts)),
  },
}

describe.each(Object.entries(sealings))('%s', (_name, { parts, seal, open }) => {
  const anyParts = fc.uniqueArray(uuid, { minLength: parts, maxLength: parts })

  test('opens with its own parts', () => {
    fc.assert(fc.property(anyParts, (own) => void open(own, seal(own))))
  })

  test('opens with no two parts exchanged, and with no other part in the place of one', () => {
    fc.assert(
      fc.property(anyParts, uuid, fc.nat(), fc.nat(), (own, stranger, first, second) => {
        const sealed = seal(own)
        const [a, b] = [first % parts, second % parts]
        const exchanged = own.with(a, own[b]!).with(b, own[a]!)
        // Two whole entries of a context may change places: a context has no order.
        if (a !== b) expect(() => open(exchanged, sealed)).toThrow()
        expect(() => open(own.with(a, stranger), sealed)).toThrow()
      }),
    )
  })

  test('opens with no bit changed, nor cut, nor longer', () => {
    fc.assert(
      fc.property(anyParts, fc.nat(), fc.nat(), (own, bit, cut) => {
        const sealed = seal(own)
        const at = bit % (sealed.length * 8)
        const changed = Buffer.from(sealed)
        changed[at >> 3]! ^= 1 << (at & 7)
        expect(() => open(own, changed)).toThrow()
        expect(() => open(own, sealed.subarray(0, cut % sealed.length))).toThrow()
        expect(() => open(own, Buffer.concat([sealed, Buffer.alloc(1 + (cut % 40))]))).toThrow()
      }),
      { numRuns: 300 },
    )
  })
})

const subject = (text: string): SubjectId => subjectId(text)
const hex = (made: Uint8Array): string => Buffer.from(made).toString('hex')

/** A layout that makes a value of two parts which stand in different places. */
const hashes: Record<string, (a: string, b: string) => string> = {
  pseudonym: (a, b) =>
    makePseudonymiser(key, 1, a as Purpose, b).pseudonym(subject('0f8fad5b-d9cb-469f-a165-70867728950e')),
  'token of an event': (a, b) => makePseudonymiser(key, 1, a as Purpose, b).token('event', 'x'),
  'group key': (a, b) => hex(deriveGroupKey(key, a, b).export()),
  'order key': (a, b) => hex(orderKey(key, { kind: 'server', shop: a }, b)),
  'order key of a browser': (a, b) => hex(orderKey(key, { kind: 'browser', shop: a }, b)),
  'secret hash': (a, b) => hex(secretHash(key, a, b)),
  'parts of a layout': (a, b) => hex(lpConcat(a, b)),
}

describe.each(Object.entries(hashes))('%s', (_name, make) => {
  test('is another where its two parts are exchanged, or a byte moves from one to the other', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme-ascii' }), {
          minLength: 2,
          maxLength: 2,
        }),
        ([a = '', b = '']) => {
          const made = make(a, b)
          expect(make(a, b)).toBe(made)
          expect(make(b, a)).not.toBe(made)
          expect(make(a + b[0], b.slice(1))).not.toBe(made)
          expect(make(a.slice(0, -1), a.at(-1) + b)).not.toBe(made)
        },
      ),
    )
  })
})

test('a value is of its kind alone: same key, same text, five layouts, five values', () => {
  fc.assert(
    fc.property(uuid, (text) => {
      const known = makePseudonymiser(key, 1, 'attribution' as Purpose, 'attribution')
      const tokens = (['event', 'order', 'visit', 'cart'] as const).map((kind) => known.token(kind, text))
      const made = [...tokens, known.pseudonym(subject(text)).replace('p1', 't1')]
      const hashed = [
        blindIndex(key, 'user_id', text),
        blindIndex(key, 'anonymous_id', text),
        eventKey(key, 1, text).key,
      ]
      const all = [
        ...made,
        ...hashed.map(hex),
        hex(orderKey(key, { kind: 'server', shop: '' }, text)),
        hex(secretHash(key, '', text)),
      ]
      expect(new Set(all).size).toBe(all.length)
      for (const value of made) expect(value).not.toMatch(/^[0-9a-f]{64}$/)
    }),
  )
})

test('numbers in a header are bound too: epoch and version of a subject key, version and context of a field', () => {
  const number = fc.integer({ min: 1, max: 0xffff })
  fc.assert(
    fc.property(number, number, (a, b) => {
      fc.pre(a !== b)
      const own = subject('0f8fad5b-d9cb-469f-a165-70867728950e')
      const wrapped = wrapSubjectKey(key, { kid: a, keyVersion: b }, own, other)
      wrapped.writeUInt32BE(b, 2)
      wrapped.writeUInt16BE(a, 6)
      expect(() => unwrapSubjectKey(key, own, wrapped)).toThrow('authentication')
      const at = place([own, 'sealed', 'order', 'r'])
      const sealed = sealRecord(key, at, { keyVersion: a, contextId: b }, content)
      sealed.writeUInt16BE(b, 2)
      sealed.writeUInt16BE(a, 4)
      expect(() => openRecord(key, at, sealed)).toThrow('authentication')
    }),
  )
})
