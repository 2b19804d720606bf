import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Locator, Page } from 'playwright-core'
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

/** Every language, width and colour under WEIR_TEST_LONG=1; else each pair of two of them once. */
const LONG = process.env.WEIR_TEST_LONG === '1'
const SCHEMES = ['light', 'dark'] as const
function schemesOf(language: 'zh-CN' | 'en', width: number): readonly (typeof SCHEMES)[number][] {
  if (LONG) return SCHEMES
  return (language === 'zh-CN') === (width === 375) ? ['light'] : ['dark']
}

describe.skipIf(inject('chromium') === null)('the privacy centre', () => {
  let shop: PrivacyShop

  beforeAll(async () => {
    shop = await openPrivacyShop()
  })
  afterAll(() => shop?.close())

  for (const language of ['zh-CN', 'en'] as const) {
    for (const width of [375, 1280]) {
      const schemes = schemesOf(language, width)
      test(`every page is clean in ${language} at ${width} px, in ${schemes.join(' and ')}, and asks nobody else for anything`, async () => {
        const { userId } = await shop.person()
        const { page, context, origins, complaints } = await shop.window({ language, width, script: true })
        async function look(path: string, whose: string): Promise<void> {
          for (const colorScheme of schemes) {
            await page.emulateMedia({ colorScheme })
            await page.goto(PRIVACY + path)
            expect(await page.getAttribute('html', 'lang')).toBe(language)
            expect([path, await violations(page)]).toEqual([path, []])
            expect([path, await overflow(page)]).toEqual([path, 0])
            await shot(page, `${language}-${width}-${colorScheme}-${whose}${path.replaceAll('/', '_').slice(0, 20)}`)
          }
        }
        for (const path of OPEN) await look(path, 'open')
        await page.goto(`${PRIVACY}/sign-in`)
        await page.fill('#address', 'nobody@mail.example')
        await page.click('main button')
        await look('/sign-in/code', 'open')
        origins.delete(WEIR)
        expect([...origins]).toEqual([])
        await shop.shopPage(page, userId)
        await page.click('button')
        await page.waitForURL(`${PRIVACY}/me`)
        for (const path of OWN) await look(path, 'own')
        for (const right of ['access', 'restriction']) {
          await page.goto(`${PRIVACY}/ask/${right}`)
          await page.click('main form button')
          await shop.weir.app.rights.processAll()
          await look(new URL(page.url()).pathname.replace('/privacy', ''), `${right}`)
        }
        await look('/me', 'restricted')
        expect(complaints.filter((one) => !one.includes('404'))).toEqual([])
        await context.close()
      })
    }
  }

  for (const { language, width, script } of [
    { language: 'zh-CN', width: 375, script: false },
    { language: 'zh-CN', width: 1280, script: true },
    { language: 'en', width: 375, script: true },
    { language: 'en', width: 1280, script: false },
  ] as const) {
    const how = `${language}, ${width} px, ${script ? 'with' : 'without'} script`
    test(`a whole story goes by keyboard alone (${how})`, async () => {
      const words = WORDS[language]
      const { userId } = await shop.person()
      const { page, context } = await shop.window({ language, width, script })
      async function picture(name: string): Promise<void> {
        for (const colorScheme of schemesOf(language, width)) {
          await page.emulateMedia({ colorScheme })
          if (script) expect([name, await violations(page)]).toEqual([name, []])
          expect([name, await overflow(page)]).toEqual([name, 0])
          await shot(page, `story-${language}-${width}-${colorScheme}-${name}`)
        }
      }
      await shop.shopPage(page, userId)
      await press(page, 'My privacy')
      await page.waitForURL(`${PRIVACY}/me`) // the page in between leads on by itself
      expect(await page.textContent('h1')).toBe(words.overview)

      await press(page, words.toChoices)
      await press(page, words.withdraw)
      await page.waitForSelector('[role=status]')
      expect(await page.textContent('#personalisation')).toContain(words.refused)
      await press(page, words.allow)
      expect(await page.textContent('#personalisation')).toContain(words.granted)
      await picture('choices')

      await press(page, words.toTags)
      await press(page, words.strike)
      expect(await page.locator('.struck').allInnerTexts()).toEqual(['oolong-tea'])
      await picture('tags')

      await ask(shop, page, words)
      expect(await page.textContent('.note >> nth=-1')).toContain(words.cooling)
      await picture('cooling')
      await press(page, words.cancel)
      expect(await page.textContent('main')).toContain(words.cancelled)

      await ask(shop, page, words)
      const number = page.url().split('/').at(-1)!
      const secret = (await page.locator('.secret').allTextContents())[1]!
      shop.weir.moveClock(3_600_000 + 60_000)
      await shop.weir.app.rights.processAll()
      // An hour passed: the session is over, and nothing is held of whom it was. The number and the secret lead on.
      await page.goto(`${PRIVACY}/requests/${number}`)
      await type(page, words.secret, secret)
      await press(page, words.show)
      await picture('done')
      expect(await page.textContent('main')).toContain(words.gone)
      await press(page, words.readReceipt)
      expect(await page.textContent('[role=status]')).toContain(words.genuine)
      await picture('receipt')
      const jws = await page.textContent('details .secret')
      await page.goto(`${PRIVACY}/receipt`)
      await type(page, words.receipt, jws!.trim())
      await press(page, words.check)
      expect(await page.textContent('[role=status]')).toContain(words.genuine)
      await picture('checked')
      await context.close()
    })
  }

  test('axe-core would find what is wrong', async () => {
    const { page, context } = await shop.window({ language: 'en', width: 375, script: true })
    await page.goto(`${PRIVACY}/sign-in`)
    await page.evaluate("document.querySelector('label').remove(); document.documentElement.removeAttribute('lang')")
    expect((await violations(page)).map((one) => one.split(' ')[0])).toEqual(
      expect.arrayContaining(['html-has-lang', 'label']),
    )
    await context.close()
  })
})

/** Asks for erasure, from wherever it is. */
async function ask(shop: PrivacyShop, page: Page, words: (typeof WORDS)['en' | 'zh-CN']): Promise<void> {
  await press(page, words.toRequests)
  await press(page, words.toAsk)
  await press(page, words.erasure)
  await press(page, words.askErasure)
  await page.waitForURL(/requests\/[0-9a-f-]{36}$/)
  await shop.weir.app.rights.processAll()
  await page.reload()
  expect(await page.textContent('main')).toContain(words.cooling)
}

const MOST_STEPS = 120

/** Goes to a link or button by Tab, and presses Enter: nothing else touches the page. */
async function press(page: Page, name: string): Promise<void> {
  const named = { name, exact: true }
  await focus(page, page.getByRole('link', named).or(page.getByRole('button', named)).first())
  await Promise.all([
    page.waitForEvent('framenavigated', (frame) => frame === page.mainFrame()),
    page.keyboard.press('Enter'),
  ])
  await page.waitForLoadState()
}

async function type(page: Page, name: string, text: string): Promise<void> {
  await focus(page, page.getByLabel(name))
  await page.keyboard.insertText(text)
}

async function focus(page: Page, wanted: Locator): Promise<void> {
  await wanted.waitFor()
  for (let steps = 0; steps < MOST_STEPS; steps++) {
    await page.keyboard.press('Tab')
    if ((await wanted.and(page.locator(':focus')).count()) === 1) return
  }
  throw new Error(`no way by Tab to ${String(wanted)}`)
}

const WORDS = {
  'zh-CN': {
    overview: '关于我的信息',
    toChoices: '我的选择',
    withdraw: '撤回同意 个性化推荐',
    allow: '同意 个性化推荐',
    refused: '已拒绝',
    granted: '已同意',
    toTags: '推荐依据',
    strike: '划去 oolong-tea',
    toRequests: '我的请求',
    toAsk: '提出请求',
    erasure: '了解并提出 删除',
    askErasure: '请求删除',
    cooling: '已停用，即将删除',
    cancel: '撤回请求',
    cancelled: '已撤回',
    secret: '请求密码',
    show: '查看进度',
    gone: '仅依法保存',
    readReceipt: '查看回执',
    genuine: '回执真实有效',
    receipt: '删除回执',
    check: '核验',
  },
  en: {
    overview: 'What is known about me',
    toChoices: 'My choices',
    withdraw: 'Take back Recommendations for you',
    allow: 'Allow Recommendations for you',
    refused: 'You refuse it',
    granted: 'You allow it',
    toTags: 'Recommendations',
    strike: 'Strike out oolong-tea',
    toRequests: 'My requests',
    toAsk: 'Make a request',
    erasure: 'Read and ask Have it erased',
    askErasure: 'Ask for erasure',
    cooling: 'about to be erased',
    cancel: 'Take the request back',
    cancelled: 'It was taken back',
    secret: 'Secret of the request',
    show: 'Show it',
    gone: 'used for nothing else',
    readReceipt: 'Read the receipt',
    genuine: 'The receipt is genuine',
    receipt: 'The receipt',
    check: 'Check it',
  },
} as const satisfies Record<string, Record<string, string>>
