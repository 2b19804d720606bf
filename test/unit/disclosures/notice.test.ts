import { expect, test } from 'vitest'
import { noticeOf } from '../../../src/disclosures/notice.ts'
import type { Disclosure } from '../../../src/disclosures/rows.ts'
import { subjectId } from '../../../src/event/ids.ts'

const ASKED = Date.parse('2026-11-23T08:00:00Z')
const MINUTE = 60_000
const where = { publicUrl: 'https://weir.shop.example', now: ASKED + 20 * MINUTE }

const disclosure: Disclosure = {
  id: '7d1b6a55-0a36-4a52-8a39-6a3f0a5b1c11',
  number: 7n,
  kind: 'reidentify',
  caseId: 'CASE-12',
  purpose: 'essential',
  wanted: ['user_id'],
  destination: 'attribution',
  toDestination: undefined,
  planHash: undefined,
  reads: 2,
  minutes: 10,
  emergency: false,
  commitment: Buffer.alloc(32),
  sealedReason: undefined,
  recordId: 1n,
  askedBy: '11111111-2222-4333-8444-555555555555',
  askedAt: ASKED,
  opensAt: undefined,
  decision: 'approved',
  decidedBy: '66666666-2222-4333-8444-555555555555',
  decidedAt: ASKED + 15 * MINUTE,
  expiresAt: ASKED + 25 * MINUTE,
  used: 0,
  voided: false,
  review: undefined,
  reviewedBy: undefined,
  reviewedAt: undefined,
  reviewed: false,
  subject: subjectId('0a5e5a0e-6b1f-4c8e-9d57-0d9f3f1d2c3b'),
  erased: false,
}
const emergency: Disclosure = {
  ...disclosure,
  emergency: true,
  decision: undefined,
  decidedBy: undefined,
  decidedAt: undefined,
  opensAt: ASKED + 15 * MINUTE,
}

test('says in Chinese and English what, which case, who, how often, until when and where', () => {
  expect(noticeOf('approved', disclosure, where)).toEqual({
    subject: '[Weir] 披露申请已获批准 / A disclosure was approved',
    text: `披露申请已获批准

内容：重新识别一个去标识化标识
范围：attribution; user_id
处理目的：essential
案件：CASE-12
申请人：11111111-2222-4333-8444-555555555555
批准人：66666666-2222-4333-8444-555555555555
可读次数：2
有效至：2026-11-23 08:25 UTC
查看：https://weir.shop.example/api/disclosures/7d1b6a55-0a36-4a52-8a39-6a3f0a5b1c11

A disclosure was approved

What: who is behind a pseudonym
Of it: attribution; user_id
Purpose: essential
Case: CASE-12
Asked by: 11111111-2222-4333-8444-555555555555
Approved by: 66666666-2222-4333-8444-555555555555
Reads: 2
Until: 2026-11-23 08:25 UTC
See: https://weir.shop.example/api/disclosures/7d1b6a55-0a36-4a52-8a39-6a3f0a5b1c11`,
  })
})

test('names nobody whose data it is about', () => {
  expect(JSON.stringify(noticeOf('approved', disclosure, where))).not.toContain(disclosure.subject)
})

test('an emergency says until when it has to be reviewed, and nothing once it was stopped', () => {
  expect(noticeOf('emergency-asked', emergency, where)!.text).toContain('Review until: 2026-11-24 08:00 UTC')
  expect(noticeOf('emergency-opens', emergency, where)!.text).toContain('批准人：无（紧急）')
  expect(noticeOf('emergency-opens', { ...emergency, decision: 'refused' }, where)).toBeUndefined()
})
