import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as jose from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { JsonObject } from '../../src/event/event.ts'
import { changeSource } from '../../src/http/sources.ts'
import { createTestApp, type TestApp } from '../support/test-app.ts'

// The examples of docs/api.md as they stand there, run against the gateway.
const ROOT = join(import.meta.dirname, '..', '..')
const ORIGIN = 'https://shop.example'
let weir: TestApp
let blocks: string[]

beforeAll(async () => {
  weir = await createTestApp()
  const text = await readFile(join(ROOT, 'docs', 'api.md'), 'utf8')
  blocks = [...text.matchAll(/```js\n(.*?)```/gs)].map(([, block]) => block!)
})
afterAll(async () => {
  await weir.stop()
})

function block(about: RegExp): string {
  const found = blocks.find((one) => about.test(one))
  if (found === undefined) throw new Error(`docs/api.md has no example with ${about}`)
  return found
}

type Names = Readonly<Record<string, unknown>>

/** Runs an example with these names around it and returns what it defines; imports are taken from them too. */
async function run(code: string, around: Names, defines: readonly string[]): Promise<Record<string, unknown>> {
  const body = code.replaceAll(/^import .*\n/gm, '').replaceAll('https://weir.example', weir.url)
  const AsyncFunction = (async () => undefined).constructor as new (
    ...text: string[]
  ) => (...values: unknown[]) => unknown
  const work = new AsyncFunction(...Object.keys(around), `${body}\nreturn { ${defines.join(', ')} }`)
  return (await work(...Object.values(around))) as Record<string, unknown>
}

interface Page {
  readonly device: () => { anonymousId: string; anonymousSecret: string }
  readonly choose: (choices: object) => Promise<JsonObject>
  readonly chosen: () => Promise<JsonObject>
}

/** What a page has: a storage of its own, and requests that say where they come from. */
async function openPage(): Promise<Page> {
  const kept = new Map<string, string>()
  const localStorage = { getItem: (name: string) => kept.get(name) ?? null, setItem: kept.set.bind(kept) }
  const fetchFromPage = (url: string, { headers, ...more }: RequestInit): Promise<Response> =>
    fetch(url, { ...more, headers: { ...(headers as Record<string, string>), origin: ORIGIN } })
  const around = { localStorage, fetch: fetchFromPage, WRITE_KEY: weir.browser.key }
  return (await run(block(/function device/), around, ['device', 'choose', 'chosen'])) as unknown as Page
}

test('a page makes its device once, chooses, reads, and is known by the same id in Segment’s client', async () => {
  const page = await openPage()
  expect(await page.chosen()).toEqual({ choices: {}, consentEpoch: 0, recordId: '' })
  expect(await page.choose({ analytics: false, personalisation: true })).toMatchObject({ consentEpoch: 1 })
  expect(await page.chosen()).toMatchObject({ choices: { analytics: false, personalisation: true } })
  expect(page.device()).toEqual(page.device())

  const calls: unknown[] = []
  const AnalyticsBrowser = {
    load: (...args: unknown[]) => {
      calls.push(args)
      return { setAnonymousId: (id: string) => calls.push(id) }
    },
  }
  await run(block(/AnalyticsBrowser/), { AnalyticsBrowser, WRITE_KEY: weir.browser.key, device: page.device }, [])
  expect(calls.at(-1)).toBe(page.device().anonymousId)
  const event = { messageId: 'from-the-page', event: 'Product Viewed', properties: { product_id: 'tea' } }
  await weir.browser.post('/v1/track', { ...event, anonymousId: page.device().anonymousId })
  const officer = await weir.token('compliance')
  expect((await officer.get('/api/decisions/from-the-page')).body).toMatchObject({ outcome: 'permitted' })
})

test('another page that knows the id and not the secret is refused', async () => {
  const [mine, other] = [await openPage(), await openPage()]
  await mine.choose({ personalisation: true })
  const { anonymousId } = mine.device()
  const { anonymousSecret } = other.device()
  const stolen = await weir.browser.post('/v1/consent', {
    anonymousId,
    anonymousSecret,
    choices: { personalisation: false },
  })
  expect(stolen).toMatchObject({ status: 403, body: { code: 'not-yours' } })
})

test('a signed-in user: the key pair, the public key registered, the token, the choice', async () => {
  const files = new Map<string, string>()
  const around = {
    ...jose,
    writeFile: async (name: string, text: string) => files.set(name, text),
    readFile: async (name: string) => files.get(name),
  }
  await run(block(/generateKeyPair/), around, [])
  const jwk = JSON.parse(files.get('subject.public.jwk') ?? '') as JsonObject
  expect(jwk).not.toHaveProperty('d')
  await changeSource(weir.owner, 'shop-browser', { subjectKey: jwk })
  const { subjectToken } = await run(block(/new SignJWT/), { ...around, userId: 'signed-in' }, ['subjectToken'])
  const page = await openPage()
  const choose = () =>
    weir.browser.post('/v1/consent', {
      ...page.device(),
      subjectToken: String(subjectToken),
      choices: { personalisation: true },
    })
  await expect.poll(async () => (await choose()).status, { timeout: 5_000 }).toBe(200) // the key is known within 2 s
  const state = await weir.server.get('/v1/consent', { 'weir-user-id': 'signed-in' })
  expect(state.body).toMatchObject({ choices: { personalisation: true } })
})
