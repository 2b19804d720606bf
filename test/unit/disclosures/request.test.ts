import { createHash, randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { commitTo, isGroundOf, type Request, requestHash, requestText } from '../../../src/disclosures/request.ts'
import { subjectId } from '../../../src/event/ids.ts'

const ground = {
  subject: subjectId('0a5e5a0e-6b1f-4c8e-9d57-0d9f3f1d2c3b'),
  reason: 'the parcel came back',
  salt: Buffer.alloc(32, 1),
}
const request: Request = {
  id: '7d1b6a55-0a36-4a52-8a39-6a3f0a5b1c11',
  kind: 'fields',
  caseId: 'CASE-12',
  purpose: 'essential',
  wanted: ['contact', 'traits.email'],
  destination: undefined,
  toDestination: undefined,
  planHash: undefined,
  reads: 2,
  minutes: 10,
  emergency: false,
  askedBy: '11111111-2222-4333-8444-555555555555',
  askedAt: Date.parse('2026-11-23T08:00:00Z'),
  commitment: commitTo(ground),
}

test('an approval is over SHA-256 of this text', () => {
  expect(requestText(request)).toBe(
    '{"askedAt":"2026-11-23T08:00:00.000Z","askedBy":"11111111-2222-4333-8444-555555555555","caseId":"CASE-12",' +
      '"commitment":"s1beV-8mPFIsPYW81rfpZIYvTEZlOe4SL0J5eQnj8lg","emergency":false,"id":"7d1b6a55-0a36-4a52-8a39-6a3f0a5b1c11",' +
      '"kind":"fields","minutes":10,"purpose":"essential","reads":2,"v":1,"wanted":["contact","traits.email"]}',
  )
  expect(requestHash(request)).toEqual(createHash('sha256').update(requestText(request)).digest())
})

test('it holds neither person nor reason, whatever else the row knows', () => {
  const row = { ...request, ...ground, used: 1 }
  expect(requestText(row)).toBe(requestText(request))
})

test.each([
  { id: '7d1b6a55-0a36-4a52-8a39-6a3f0a5b1c12' },
  { kind: 'reidentify' },
  { caseId: 'CASE-13' },
  { purpose: 'analytics' },
  { wanted: ['contact'] },
  { destination: 'attribution' },
  { toDestination: 'recommendation' },
  { planHash: 'a'.repeat(64) },
  { reads: 3 },
  { minutes: 11 },
  { emergency: true },
  { askedBy: '11111111-2222-4333-8444-555555555556' },
  { askedAt: request.askedAt + 1 },
  { commitment: Buffer.alloc(32) },
] as Partial<Request>[])('another request has another hash: %j', (change) => {
  expect(requestHash({ ...request, ...change })).not.toEqual(requestHash(request))
})

test('the commitment holds for this person and this reason only', () => {
  expect(isGroundOf(request, ground)).toBe(true)
  const other = subjectId('0a5e5a0e-6b1f-4c8e-9d57-0d9f3f1d2c3c')
  for (const change of [{ subject: other }, { subject: undefined }, { reason: 'curious' }, { salt: randomBytes(32) }]) {
    expect(isGroundOf(request, { ...ground, ...change })).toBe(false)
  }
})
