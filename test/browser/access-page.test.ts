import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { openAccess } from '../../src/rights/access/collect.ts'
import { exportFiles } from '../../src/rights/access/files.ts'
import { BY_OPERATOR, subjectsOfUser } from '../support/access.ts'
import { openBrowser } from '../support/browser.ts'
import { createTestApp, order, type TestApp, track } from '../support/test-app.ts'

// What somebody put into their own data stays text in their own copy: in the page, and in the tables.

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const HOSTILE = [
  `"><script>document.title='taken'</script>`,
  `<img src=x onerror="document.title='taken'">`,
  `</bdi></dd><style>@import url(http://127.0.0.1:1/)</style>`,
  `javascript:document.title='taken'`,
  `\u202egnp.exe`,
  `=HYPERLINK("http://127.0.0.1:1/","x")`,
]

describe.skipIf(inject('chromium') === null)('the page of what is held', () => {
  let shop: TestApp
  let browser: Browser
  let folder: string
  const files = new Map<string, string>()

  beforeAll(async () => {
    browser = await openBrowser(inject('chromium')!)
    folder = await mkdtemp(join(tmpdir(), 'weir-page-'))
    shop = await createTestApp()
    const user = `alice ${HOSTILE[1]}`
    await shop.grant(user, 'attribution', 'personalisation')
    for (const text of HOSTILE) {
      await shop.send(
        track(user, 'Product Viewed', { product_id: text }, { context: { campaign: { source: text, name: text } } }),
        order(user, `A ${text}`, [text]),
      )
    }
    await shop.settle()
    const subjects = await subjectsOfUser(shop, user)
    const ask = { subjects, requestId: undefined, entry: BY_OPERATOR }
    const source = await openAccess(shop.app.rights.deps, ask)
    for (const language of ['zh-CN', 'en'] as const) {
      for (const { name, content } of exportFiles(source, { right: 'access', format: 'all', language })) {
        let text = ''
        for await (const piece of content()) text += piece
        files.set(name === 'access.html' ? `${language}.html` : name, text)
        if (name === 'access.html') await writeFile(join(folder, `${language}.html`), text)
      }
    }
  })
  afterAll(async () => {
    await browser?.close()
    await shop?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  async function opened(language: 'zh-CN' | 'en', width: number) {
    const page = await browser.newPage({ viewport: { width, height: 800 } })
    const asked: string[] = []
    const complaints: string[] = []
    page.on('request', (request) => asked.push(request.url()))
    page.on('console', (message) => complaints.push(message.text()))
    page.on('pageerror', (error) => complaints.push(error.message))
    const url = pathToFileURL(join(folder, `${language}.html`)).href
    await page.goto(url)
    return { page, url, asked, complaints }
  }

  test.for([
    { language: 'zh-CN', width: 1280, heading: '我们持有的关于您的信息' },
    { language: 'en', width: 375, heading: 'What we hold about you' },
  ] as const)(
    'in $language, $width wide, is whole, loads nothing and runs nothing',
    async ({ language, width, heading }) => {
      const { page, url, asked, complaints } = await opened(language, width)
      expect(await page.locator('h1').textContent()).toBe(heading)
      expect(await page.title()).toBe(heading)
      expect(await page.getAttribute('html', 'lang')).toBe(language)
      expect(asked).toEqual([url])
      expect(complaints).toEqual([])
      expect(await page.locator('script, img, iframe, link, form').count()).toBe(0)
      expect(await page.locator('main section').count()).toBe(10)
      const wide = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
      expect(wide).toBeLessThanOrEqual(0) // tables scroll in themselves
      const text = await page.locator('#events').locator('..').textContent()
      for (const hostile of HOSTILE.slice(0, 4)) expect(text).toContain(hostile)
      await page.close()
    },
  )

  test.for(['zh-CN', 'en'] as const)('in %s has words for what the system has codes for', async (language) => {
    const { page } = await opened(language, 1280)
    await page.evaluate("for (const one of document.querySelectorAll('small, #events ~ *')) one.remove()")
    const text = (await page.locator('main').textContent()) ?? ''
    expect(text).not.toMatch(/weir\.[a-z]+_|order_line|value_minor_units|needs-no-consent|own-state|access\.export/)
    expect(text).not.toMatch(/\d{4}-\d\d-\d\dT\d/)
    expect(text).toContain(language === 'zh-CN' ? '（北京时间）' : ' UTC')
    if (language === 'zh-CN') {
      expect(text).toContain('《电子商务法》第三十一条：1095')
      expect(text).not.toMatch(/consent-|session-token|server-key|E-commerce Law/)
    }
    await page.close()
  })

  test('goes by keyboard: every link of its contents leads to a heading, and tables can be reached', async () => {
    const { page } = await opened('en', 800)
    const targets = await page.locator('nav a').evaluateAll((links) => links.map((link) => link.getAttribute('href')))
    for (const target of targets) expect(await page.locator(`h2${target}`).count()).toBe(1)
    await page.keyboard.press('Tab')
    expect(await page.evaluate('document.activeElement.getAttribute("href")')).toBe('#you')
    expect(await page.locator('.wide[tabindex="0"][role="group"][aria-label]').count()).toBeGreaterThan(3)
    expect(await page.locator('th:not([scope])').count()).toBe(0)
    await page.close()
  })

  test.for(['light', 'dark'] as const)('has nothing that axe-core finds wrong, %s', async (colorScheme) => {
    const { page } = await opened('zh-CN', 1280)
    await page.emulateMedia({ colorScheme })
    await page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    await page.evaluate(AXE)
    const found = await page.evaluate(`axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
      violations.map(({ id, nodes }) => id + ': ' + nodes[0].html.slice(0, 120)))`)
    expect(found).toEqual([])
    await page.close()
  })

  test('is dark where the reader wants it dark', async () => {
    const { page } = await opened('en', 800)
    const paper = 'getComputedStyle(document.body).backgroundColor'
    await page.emulateMedia({ colorScheme: 'light' })
    const light = await page.evaluate(paper)
    await page.emulateMedia({ colorScheme: 'dark' })
    expect(await page.evaluate(paper)).not.toBe(light)
    await page.close()
  })

  test('beside tables in which nothing is a formula', () => {
    const tables = [...files].filter(([name]) => name.endsWith('.csv'))
    expect(tables.length).toBeGreaterThan(12)
    let cells = 0
    for (const [, text] of tables) {
      expect(text.startsWith('\ufeff')).toBe(true)
      for (const cell of cellsOf(text.slice(1))) {
        expect(cell).not.toMatch(/^[=+\-@\t\r]/)
        cells += 1
      }
    }
    expect(cells).toBeGreaterThan(200)
    expect(files.get('event-fields.csv')).toContain(`"'=HYPERLINK(""http://127.0.0.1:1/"",""x"")"`)
  })
})

/** Every cell of a file by RFC 4180. */
function cellsOf(text: string): string[] {
  return [...text.matchAll(/(?:^|,|\r\n)(?:"((?:[^"]|"")*)"|([^",\r\n]*))/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
  )
}
