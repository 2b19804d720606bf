import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestApp, type TestApp } from '../../support/test-app.ts'
import { type Browsing, browse } from './browsing.ts'

let weir: TestApp
let nobody: Browsing

beforeAll(async () => {
  weir = await createTestApp()
  nobody = browse(weir)
})
afterAll(() => weir?.stop())

test('the front page is of the language that the browser asks for, and may load nothing but its stylesheet', async () => {
  const english = await nobody.get('', { 'accept-language': 'en-GB,en;q=0.9,zh;q=0.1' })
  expect([english.status, english.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
  expect(english.text).toContain('<html lang="en">')
  expect(english.text).toContain('Privacy centre<span class="shop">weir.test</span>') // whose it is: here the public URL’s host
  expect(english.text).not.toMatch(/<script|<img|<iframe|https?:\/\//)
  expect(english.headers.get('content-security-policy')).toBe(
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  )
  expect(english.headers.get('cache-control')).toBe('no-store')
  expect(english.headers.get('referrer-policy')).toBe('no-referrer')
  const chinese = await browse(weir).get('', { 'accept-language': 'zh-CN,zh;q=0.9,en;q=0.8' })
  expect(chinese.text).toContain('<html lang="zh-CN">')
})

test('its one cookie is of this host alone, hidden from scripts and from other sites, and says nothing', async () => {
  const answer = await browse(weir).get('')
  expect(answer.headers.getSetCookie()).toHaveLength(1)
  expect(answer.headers.getSetCookie()[0]).toMatch(
    /^__Host-weir-privacy=[A-Za-z0-9_-]+; Path=\/; Secure; HttpOnly; SameSite=Strict$/,
  )
})

test('a chosen language is remembered', async () => {
  const visitor = browse(weir)
  await visitor.get('')
  const chosen = await visitor.post('/settings', { language: 'zh-CN', back: '/policy' })
  expect([chosen.status, chosen.headers.get('location')]).toEqual([303, '/privacy/policy'])
  expect((await visitor.get('')).text).toContain('<html lang="zh-CN">')
})

test('what is nowhere is a page too', async () => {
  const answer = await nobody.get('/nowhere')
  expect([answer.status, answer.headers.get('content-type')]).toEqual([404, 'text/html; charset=utf-8'])
})

test('it says what the policy in force says: purposes, recipients, retention', async () => {
  const { words } = await nobody.get('/policy', { 'accept-language': 'en' })
  expect(words).toContain(
    'Recommendations for you Show products that go with what you looked at or bought. Your consent',
  )
  expect(words).toContain('Product recommendations Recommendations for you for the shop: its own system China')
  expect(words).toMatch(
    /Orders What you bought, amounts, discounts\. 1,095 days A law asks for 1,095 days \(E-commerce Law 31\)/,
  )
})
