import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readShopTexts } from '../../../src/privacy/shop-texts.ts'
import { createTestApp } from '../../support/test-app.ts'
import { browse } from './browsing.ts'

let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-texts-'))
  await cp(join(import.meta.dirname, '..', '..', '..', 'policies'), folder, { recursive: true })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('the shop says how to complain, and in which colours', async () => {
  await writeFile(
    join(folder, 'privacy-complaints.en.txt'),
    'Write to privacy@shop.example.\n\nWe answer within <15> days.',
  )
  await writeFile(join(folder, 'privacy-theme.css'), '/* ours */\n--accent: #0a4f8a;\ndark:\n--accent: #8cc4ff;\n')
  const weir = await createTestApp({ policyDir: folder })
  try {
    const page = await browse(weir).get('/complain', { 'accept-language': 'en' })
    expect(page.text).toContain('<p>Write to privacy@shop.example.</p><p>We answer within &#60;15&#62; days.</p>')
    expect((await browse(weir).get('/complain', { 'accept-language': 'zh' })).text).not.toContain('shop.example')
    const { text, headers } = await browse(weir).get('/style.css')
    expect(headers.get('content-type')).toBe('text/css; charset=utf-8')
    expect(text).toMatch(
      /:root\{--accent: #0a4f8a;\}@media \(prefers-color-scheme:dark\)\{:root\{--accent: #8cc4ff;\}\}$/,
    )
  } finally {
    await weir.stop()
  }
})

test('a theme that is more than variables keeps the gateway from starting', async () => {
  for (const line of [
    'body{display:none}',
    '--accent: url(https://evil.example/x.png);',
    '--accent: red; } body { color: red;',
    '@import "https://evil.example/x.css";',
    '--accent: red',
  ]) {
    await writeFile(join(folder, 'privacy-theme.css'), line)
    await expect(readShopTexts(folder)).rejects.toMatchObject({ code: 'config' })
  }
})
