import { expect, test } from 'vitest'
import { receiptJwks } from '../../../src/rights/receipt-jwks.ts'
import { PAGE_WORDS } from '../../../src/rights/receipt-page/words.ts'
import { receiptPage } from '../../../src/rights/receipt-page.ts'
import { timeWords } from '../../../src/rights/words.ts'
import { keyring, makeReceipt, NOW } from '../../support/receipts.ts'

test('a Chinese receipt calls classes, laws and modules as the privacy centre does, and has Beijing’s time', async () => {
  const { jws } = await makeReceipt()
  const html = await receiptPage(jws, { jwks: receiptJwks(keyring), language: 'zh-CN', now: NOW })
  const zh = html.slice(html.indexOf('<article lang="zh-CN"'), html.indexOf('<article lang="en"'))
  expect(zh).toContain('订单：依据《电子商务法》第三十一条，保留至 2029-06-30')
  expect(zh).toContain('“商品推荐模块”中的记录：已删除（10 至 99 条）')
  expect(zh).toContain('“广告效果模块”的统计结果')
  expect(zh).toContain('2026-11-23 19:59（北京时间）')
  expect(zh).not.toMatch(/“order”|E-commerce|“attribution”|\d UTC|\d{4}-\d\d-\d\dT/)
  expect(html).toContain('“Orders” stays until 2029-06-30')
  expect(html).toContain('2026-11-23 11:59 UTC')
})

test('every store that an erasure empties has words of its own', () => {
  const stores = ['subject_key', 'audit_detail', 'sealed', 'dead_letter', 'purge', 'struck_tag', 'consent_state']
  stores.push('identifier', 'recipient', 'subject', 'event_log', 'link', 'consent_ledger', 'request_content')
  for (const store of stores) {
    for (const language of ['zh-CN', 'en'] as const) {
      const said = PAGE_WORDS[language].done({ store: `weir.${store}`, action: 'deleted', count_bucket: '1-9' })
      expect(said).not.toContain('weir.')
    }
  }
})

test('a time over midnight has the day of its zone', () => {
  expect(timeWords('2026-12-31T20:30:59.999Z', 'zh-CN')).toBe('2027-01-01 04:30（北京时间）')
  expect(timeWords('2026-12-31T20:30:59.999Z', 'en')).toBe('2026-12-31 20:30 UTC')
})
