import { describe, expect, test } from 'vitest'
import { day, moment, number, OFFSETS, offsetName, usualOffset } from '../../../src/privacy/format.ts'
import { languageOf } from '../../../src/privacy/language.ts'

describe('times', () => {
  const at = Date.parse('2026-11-23T16:30:00Z')

  test('are told in the language’s form, at the offset that the page says', () => {
    expect(moment(at, { language: 'zh-CN', offset: usualOffset('zh-CN') })).toBe('2026年11月24日 00:30')
    expect(moment(at, { language: 'en', offset: usualOffset('en') })).toBe('23 November 2026 at 16:30')
    expect(moment(at, { language: 'en', offset: -570 })).toBe('23 November 2026 at 07:00')
    expect(offsetName(480, 'zh-CN')).toBe('UTC+08:00（中国）')
    expect(offsetName(-570, 'en')).toBe('UTC−09:30')
  })

  test('are told at every offset that can be chosen', () => {
    for (const offset of OFFSETS) expect(moment(at, { language: 'en', offset })).toMatch(/2026 at \d\d:\d\d$/)
  })

  test('a day is the same day everywhere', () => {
    expect(day('2027-05-01', { language: 'zh-CN' })).toBe('2027年5月1日')
    expect(number(12_345n, { language: 'en' })).toBe('12,345')
  })
})

test('of the languages that a browser names the one that weighs most is spoken, English where there is none', () => {
  expect(languageOf('zh-TW,zh;q=0.9,en;q=0.8')).toBe('zh-CN')
  expect(languageOf('de-DE,de;q=0.9,en;q=0.3,zh;q=0.5')).toBe('zh-CN')
  expect(languageOf('en-GB')).toBe('en')
  expect(languageOf('fr, zh;q=0')).toBe('en')
  expect(languageOf(undefined)).toBe('en')
  expect(languageOf('q='.repeat(10_000))).toBe('en')
})
