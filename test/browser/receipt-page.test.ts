import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { receiptJwks } from '../../src/rights/receipt-jwks.ts'
import { receiptPage } from '../../src/rights/receipt-page.ts'
import { openBrowser } from '../support/browser.ts'
import { keyring, makeReceipt, NOW, type ReceiptOptions, SALT, witness } from '../support/receipts.ts'

// The receipt as a person keeps it: a file on their own disk, opened years later in whatever browser they have.

const jwks = receiptJwks(keyring)

describe.skipIf(inject('chromium') === null)('the receipt as one file, in Chromium', () => {
  let folder: string
  let browser: Browser
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weir-receipt-'))
    browser = await openBrowser(inject('chromium')!)
  })
  afterAll(async () => {
    await browser?.close()
    await rm(folder, { recursive: true })
  })

  interface Opened {
    readonly page: Page
    /** Requests for anything but the file, and complaints of the page. */
    readonly asked: string[]
    readonly close: () => Promise<void>
  }

  async function htmlOf(language: 'zh-CN' | 'en', options: ReceiptOptions = {}): Promise<string> {
    return receiptPage((await makeReceipt(options)).jws, { jwks, language, now: NOW, witnesses: [witness] })
  }

  async function open(html: string, how: { script?: boolean; width?: number; before?: string } = {}): Promise<Opened> {
    const file = join(folder, `receipt-${Math.random().toString(36).slice(2)}.html`)
    await writeFile(file, html)
    const context = await browser.newContext({
      javaScriptEnabled: how.script ?? true,
      viewport: { width: how.width ?? 1280, height: 900 },
    })
    if (how.before !== undefined) await context.addInitScript(how.before)
    const page = await context.newPage()
    const asked: string[] = []
    const url = pathToFileURL(file).href
    page.on('request', (request) => {
      if (request.url() !== url) asked.push(request.url())
    })
    page.on('console', (message) => asked.push(message.text()))
    page.on('pageerror', (error) => asked.push(String(error)))
    await page.goto(url)
    if (how.script !== false) await page.locator('html[data-checked]').waitFor()
    return { page, asked, close: () => context.close() }
  }

  const checksOf = (page: Page, language: string): Promise<string[]> =>
    page.locator(`[data-language="${language}"] .check:visible`).allTextContents()

  test.each([
    ['zh-CN', '个人信息删除回执', ['签名有效', '与签发时一致', '已登记在防篡改日志中'], '2029-06-30'],
    [
      'en',
      'Receipt of an erasure',
      ['The signature is valid', 'those that were issued', 'tamper-evident log'],
      '2029-06-30',
    ],
  ] as const)(
    'in %s says what is gone and what stays, and checks itself without asking anybody',
    async (language, title, checks, until) => {
      for (const width of [375, 1280]) {
        const { page, asked, close } = await open(await htmlOf(language), { width })
        expect(await page.title()).toBe(title)
        expect(await page.locator('h1:visible').allTextContents()).toEqual([title])
        const found = await checksOf(page, language)
        for (const [i, words] of checks.entries()) expect(found[i]).toContain(words)
        expect(await page.locator(`[data-language="${language}"]`).textContent()).toContain(until)
        const wide = await page.evaluate<number>('document.documentElement.scrollWidth')
        expect(wide).toBeLessThanOrEqual(width)
        expect(asked).toEqual([])
        await close()
      }
    },
  )

  test('the other language is one choice away, by keyboard too', async () => {
    const { page, close } = await open(await htmlOf('zh-CN'))
    await page.keyboard.press('Tab')
    await page.keyboard.press('ArrowRight')
    expect(await page.locator('h1:visible').allTextContents()).toEqual(['Receipt of an erasure'])
    expect(await page.locator('[data-language="en"]').textContent()).toContain(
      'confirmed that it was told (not that it has erased)',
    )
    expect(await page.locator('[data-language="en"]').textContent()).toContain('witness.example saw the log')
    await close()
  })

  test('without script everything can be read, and it is said how else to check', async () => {
    const { page, close } = await open(await htmlOf('en'), { script: false })
    const text = await page.locator('[data-language="en"]').textContent()
    expect(text).toContain('what you looked at, bought and did: deleted (100 to 999 records)')
    expect(await page.locator('[data-language="en"] noscript').count()).toBe(1)
    expect(await page.locator('form:visible').count()).toBe(0)
    await close()
  })

  test('a browser without Ed25519 says so, and claims nothing', async () => {
    const older = `crypto.subtle.importKey = () => Promise.reject(new DOMException('Unrecognized name', 'NotSupportedError'))`
    const { page, close } = await open(await htmlOf('en'), { before: older })
    const [signature, shown, log] = await checksOf(page, 'en')
    expect(signature).toContain('does not know Ed25519')
    expect([shown, log]).toEqual(['The words were not compared.', 'The proof of the log was not checked.'])
    await close()
  })

  test('what was changed in it is found: its words, its claims, its place in the log', async () => {
    const html = await htmlOf('en')
    const reworded = await open(html.replaceAll('stays until 2029-06-30', 'stays until 2024-06-30'))
    expect((await checksOf(reworded.page, 'en'))[1]).toContain('were changed')
    await reworded.close()
    const retitled = await open(html.replace('<h2>What is gone</h2>', '<h2>What stays</h2>'))
    expect((await checksOf(retitled.page, 'en'))[1]).toContain('were changed')
    await retitled.close()

    const { jws } = await makeReceipt()
    const [head, payload, signature] = jws.split('.')
    const claims = JSON.parse(Buffer.from(payload!, 'base64url').toString('utf8')) as { scan: { columns: number } }
    const other = Buffer.from(JSON.stringify({ ...claims, scan: { ...claims.scan, columns: 999 } })).toString(
      'base64url',
    )
    const forged = await open(html.replaceAll(jws, `${head}.${other}.${signature}`))
    const [signed, , logged] = await checksOf(forged.page, 'en')
    expect(signed).toContain('not valid')
    expect(logged).toContain('not valid')
    await forged.close()
  })

  test('a copy of the claims that is not the one that was checked is found, wherever it stands', async () => {
    const html = await htmlOf('en')
    const { jws } = await makeReceipt()
    const other = `${jws.slice(0, 300)}${jws[300] === 'A' ? 'B' : 'A'}${jws.slice(301)}`
    for (const nth of [1, 2, 3]) {
      const parts = html.split(jws)
      expect(parts).toHaveLength(4) // in sight in two languages, and what is checked
      const changed = parts.slice(0, nth).join(jws) + other + parts.slice(nth).join(jws)
      const { page, asked, close } = await open(changed)
      const [signed, shown] = await checksOf(page, 'en')
      expect([nth, shown]).toEqual([nth, expect.stringContaining('were changed')])
      if (nth === 3) expect(signed).toContain('not valid')
      expect(asked).toEqual([])
      await close()
    }
  })

  test('a page that is damaged ends with an answer, never with one that waits', async () => {
    const html = await htmlOf('en')
    for (const [from, to] of [
      ['{"jws":"', '{"jws":'],
      ['id="receipt-data"', 'id="receipt-date"'],
      ['"jwks":{"keys"', '"jwks":{"kexs"'],
      ['{"jws":"eyJ', '{"jws":"e!J'],
    ] as const) {
      expect(html).toContain(from)
      const { page, asked, close } = await open(html.replace(from, to))
      const found = await checksOf(page, 'en')
      for (const one of found.slice(0, 3)) expect([from, one]).toEqual([from, expect.stringContaining('not believe')])
      expect(asked).toEqual([])
      await close()
    }
    const stopped = html.replace('const encoder', 'const encodes') // the policy lets no other script run
    const { page, close } = await open(stopped, { script: false })
    expect((await checksOf(page, 'en'))[0]).toContain('The signature was not checked')
    await close()
  })

  test('who has the check code can show that it is theirs, and nobody else’s', async () => {
    const { page, close } = await open(await htmlOf('en'))
    const form = page.locator('[data-language="en"] form')
    for (const [salt, who, answer] of [
      [SALT, 'ann@mail.example', 'Yes: this receipt'],
      [SALT, 'ben', 'No: this receipt'],
      ['no code', 'ann', 'No: this receipt'],
    ] as const) {
      await form.locator('input[name=salt]').fill(salt)
      await form.locator('input[name=identifier]').fill(who)
      await form.locator('button').click()
      await page.locator('[data-language="en"] output', { hasText: answer }).waitFor()
    }
    await close()
  })

  test('values of a receipt are text, whatever they are', async () => {
    const nasty = '</script><script>document.title="owned"</script><img src=x onerror="document.title=1">&amp;\u2028'
    const html = await htmlOf('en', {
      claims: {
        regime: nasty,
        retained: [{ class: nasty, ground: nasty, until: '2029-06-30' }],
        destinations: [{ id: nasty, protocol: nasty, state: 'sent' }],
        models: [{ name: nasty, method: 'rebuild', verified: true }],
        actions: [{ store: nasty, class: 'any', action: 'deleted', count_bucket: '1-9' }],
      },
    })
    const { page, asked, close } = await open(html)
    expect(await page.title()).toBe('Receipt of an erasure')
    expect(await page.locator('img').count()).toBe(0)
    expect(await page.locator('script').count()).toBe(2)
    expect(await page.locator('[data-language="en"]').textContent()).toContain(nasty)
    expect((await checksOf(page, 'en')).slice(0, 3).join()).toContain('those that were issued')
    expect(asked).toEqual([])
    await close()
  })
})
