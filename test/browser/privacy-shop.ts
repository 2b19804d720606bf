import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { inject } from 'vitest'
import type { JsonObject } from '../../src/event/event.ts'
import { type Mailbox, openMailbox } from '../flow/disclosures/mailbox.ts'
import { openBrowser } from '../support/browser.ts'
import { createTestApp, newDevice, order, type TestApp, track } from '../support/test-app.ts'

const HOST = 'weir.localhost' // names under localhost are secure contexts, and Secure cookies work there
export const WEIR = `http://${HOST}`
export const PRIVACY = `${WEIR}/privacy`

/** A gateway with its privacy centre, a shop whose privacy page leads there, and a browser that finds these two alone. */
export interface PrivacyShop {
  readonly weir: TestApp
  readonly mailbox: Mailbox
  /** Somebody of whom there is something to see. */
  person(): Promise<{ readonly userId: string; readonly email: string }>
  /** A window of a browser of its own. */
  window(options: WindowOptions): Promise<Window>
  /** Opens the shop's own page for somebody who is signed in there; it has one button. */
  shopPage(page: Page, userId: string): Promise<void>
  close(): Promise<void>
}

export interface WindowOptions {
  readonly language: 'zh-CN' | 'en'
  readonly width: number
  readonly script: boolean
}

export interface Window {
  readonly page: Page
  readonly context: BrowserContext
  /** Every origin that was asked for anything. */
  readonly origins: Set<string>
  /** What the console said. */
  readonly complaints: string[]
}

export async function openPrivacyShop(): Promise<PrivacyShop> {
  const mailbox = await openMailbox()
  const weir = await createTestApp({
    publicUrl: WEIR,
    mail: { smtpUrl: mailbox.url, dpo: 'dpo@shop.example' },
    coolingHours: 1,
  })
  const { publicKey, privateKey } = await generateKeyPair('EdDSA', { extractable: true })
  let tokens = new Map<string, string>()
  const site = createServer((request, response) => {
    const token = tokens.get(request.url ?? '') ?? ''
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
    response.end(`<!doctype html><title>shop</title><form method="post" action="${PRIVACY}/session">
<input type="hidden" name="writeKey" value="${source.key}"><input type="hidden" name="subjectToken" value="${token}"><button>My privacy</button></form>`)
  })
  const origin = `http://localhost:${await listen(site)}`
  const jwk = { ...(await exportJWK(publicKey)), alg: 'EdDSA' } as JsonObject
  const source = await weir.source({ kind: 'browser', origins: [origin], subjectKey: jwk })
  const browser: Browser = await openBrowser(inject('chromium')!, { hosts: { [HOST]: new URL(weir.url).host } })

  return {
    weir,
    mailbox,
    async person() {
      const userId = `u-${randomUUID()}`
      const email = `${randomUUID().slice(0, 8)}@mail.example`
      const device = newDevice()
      await weir.grant(userId, 'analytics', 'attribution', 'personalisation')
      await weir.send(
        track(userId, 'Product Viewed', { product_id: 'oolong-tea', name: 'Oolong' }),
        track(userId, 'Product Viewed', { product_id: '<b>cup & saucer</b>', name: 'Cup' }),
        track(userId, 'Product Added', { product_id: 'teapot', cart_id: 'c-1' }),
        { type: 'identify', userId, traits: { email, firstName: 'Ann' }, anonymousId: device.anonymousId },
        order(userId, `o-${userId}`, ['kettle']),
      )
      const set = await weir.server.post('/v1/contacts', { userId, email })
      if (set.status !== 200) throw new Error(`the contacts were answered ${set.status} ${set.text}`)
      await weir.settle()
      return { userId, email }
    },
    async window({ language, width, script }) {
      const context = await browser.newContext({
        javaScriptEnabled: script,
        locale: language,
        viewport: { width, height: 800 },
        deviceScaleFactor: 1,
        isMobile: width < 600,
        hasTouch: width < 600,
      })
      const page = await context.newPage()
      page.setDefaultTimeout(20_000)
      const origins = new Set<string>()
      const complaints: string[] = []
      page.on('request', (request) => {
        if (!request.url().startsWith('data:')) origins.add(new URL(request.url()).origin)
      })
      page.on('console', (message) => complaints.push(message.text()))
      return { page, context, origins, complaints }
    },
    async shopPage(page, userId) {
      const now = Math.floor(weir.app.rights.deps.now() / 1000)
      const claims = { sub: userId, aud: 'weir', iat: now, exp: now + 300, jti: randomUUID(), auth_time: now }
      const path = `/${randomUUID()}`
      tokens = new Map([[path, await new SignJWT(claims).setProtectedHeader({ alg: 'EdDSA' }).sign(privateKey)]])
      await page.goto(origin + path)
    },
    async close() {
      await browser.close()
      site.closeAllConnections()
      await new Promise((resolve) => site.close(resolve))
      await weir.stop()
      await mailbox.close()
    },
  }
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
}

/** Keeps a picture of the whole page where WEIR_SHOTS names a folder: for people to look at. */
export async function shot(page: Page, name: string): Promise<void> {
  const folder = process.env.WEIR_SHOTS
  if (folder === undefined) return
  await mkdir(folder, { recursive: true })
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true })
}
