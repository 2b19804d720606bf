import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { openPrivacyShop, PRIVACY, type PrivacyShop, shot, WEIR } from './privacy-shop.ts'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe-core finds wrong, in a line each. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(AXE)
  return page.evaluate(`axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
    violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => id + ' ' + target.join(' ') + ' ' + failureSummary)))`)
}

function overflow(page: Page): Promise<number> {
  return page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
}

const OPEN = [
  '',
  '/policy',
  '/complain',
  '/sign-in',
  '/ask',
  '/ask/erasure',
  '/ask/correction',
  '/ask/objection',
  '/requests',
  '/follow',
  '/receipt',
  '/nowhere',
]
const OWN = ['/me', '/choices', '/tags', '/accesses', '/requests', '/ask/access']

describe.skipIf(inject('chromium') === null)('the privacy centre', () => {
  let shop: PrivacyShop

  beforeAll(async () => {
    shop = await openPrivacyShop()
  })
  afterAll(() => shop?.close())

  for (const language of ['zh-CN', 'en'] as const) {
    for (const width of [375, 1280]) {
      test(`every page is clean in ${language} at ${width} px, in light and dark, and asks nobody else for anything`, async () => {
        const { userId } = await shop.person()
        const { page, context, origins, complaints } = await shop.window({ language, width, script: true })
        async function look(path: string, whose: string): Promise<void> {
          for (const colorScheme of ['light', 'dark'] as const) {
            await page.emulateMedia({ colorScheme })
            await page.goto(PRIVACY + path)
            expect(await page.getAttribute('html', 'lang')).toBe(language)
            expect([path, await violations(page)]).toEqual([path, []])
            expect([path, await overflow(page)]).toEqual([path, 0])
            await shot(page, `${language}-${width}-${colorScheme}-${whose}${path.replaceAll('/', '_')}`)
          }
        }
        for (const path of OPEN) await look(path, 'open')
        origins.delete(WEIR)
        expect([...origins]).toEqual([])
        await shop.shopPage(page, userId)
        await page.click('button')
        await page.waitForURL(`${PRIVACY}/me`)
        for (const path of OWN) await look(path, 'own')
        expect(complaints.filter((one) => !one.includes('404'))).toEqual([])
        await context.close()
      })
    }
  }
})
