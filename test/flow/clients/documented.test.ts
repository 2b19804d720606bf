import { execFile, spawnSync } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import RudderAnalytics from '@rudderstack/rudder-sdk-node'
import { Analytics } from '@segment/analytics-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../src/event/event.ts'
import { addSource, type CreatedSource } from '../../../src/http/sources.ts'
import { createTestApp, newDevice, type TestApp } from '../../support/test-app.ts'

// The examples of docs/clients.md: those for pages are the files that the tests in the browser run, the others run here.

const ROOT = join(import.meta.dirname, '..', '..', '..')
const PAGES = join(ROOT, 'test', 'browser', 'pages')
/** Pages that stand for the shop's own code, or for a mistake. */
const notDocumented = ['cmp.js', 'shop-chat.js', 'consent-tools-plain.js', 'own-rule.js']

let weir: TestApp
let backend: CreatedSource
let blocks: { language: string; code: string }[]
beforeAll(async () => {
  weir = await createTestApp()
  backend = await addSource(weir.owner, { name: 'backend', kind: 'server' })
  const text = await readFile(join(ROOT, 'docs', 'clients.md'), 'utf8')
  blocks = [...text.matchAll(/```(\w+)\n(.*?)```/gs)].map(([, language, code]) => ({
    language: language!,
    code: code!,
  }))
})
afterAll(() => weir.stop())

function block(language: string, about: string): string {
  const found = blocks.find((one) => one.language === language && one.code.includes(about))
  if (found === undefined) throw new Error(`docs/clients.md has no ${language} example with ${about}`)
  return found.code
}

function asOurs(code: string, writeKey: string, secret = ''): string {
  return code
    .replaceAll('https://weir.example', weir.url)
    .replaceAll('YOUR_WRITE_KEY', writeKey)
    .replaceAll('YOUR_SECRET', secret)
}

/** Runs an example; what it imports is given to it. */
async function run(code: string, imports: Readonly<Record<string, unknown>>, returns = 'undefined'): Promise<unknown> {
  const body = code.replaceAll(/^import .*\n/gm, '')
  const AsyncFunction = (async () => undefined).constructor as new (
    ...text: string[]
  ) => (...values: unknown[]) => Promise<unknown>
  return new AsyncFunction(...Object.keys(imports), `${body}\nreturn ${returns}`)(...Object.values(imports))
}

async function views(): Promise<number> {
  await weir.settle()
  const { rows } = await weir.owner.$client.query<{ n: number }>('select count(*)::int as n from recommendation.view')
  return rows[0]!.n
}

test('every page that the tests in the browser run stands in the document, to the letter', async () => {
  const pages = (await readdir(PAGES)).filter((name) => !notDocumented.includes(name))
  expect(pages.length).toBeGreaterThan(5)
  const codes = new Set(blocks.map(({ code }) => code))
  for (const page of pages) expect([page, codes.has(await readFile(join(PAGES, page), 'utf8'))]).toEqual([page, true])
})

describe('the examples for servers', () => {
  test.each([
    ["from '@segment/analytics-node'", { Analytics }],
    ["from '@rudderstack/rudder-sdk-node'", { RudderAnalytics }],
  ])('what imports %s delivers a view', async (about, imports) => {
    const source = await weir.source({ kind: 'server', withoutSecret: true })
    await weir.grant('user-1', 'personalisation')
    const before = await views()
    await run(asOurs(block('js', about), source.key), imports)
    expect((await views()) - before).toBe(1)
  })

  test('fetch delivers a view and is told so', async () => {
    await weir.grant('user-1', 'personalisation')
    const before = await views()
    const code = asOurs(block('js', '/v1/batch'), backend.writeKey, backend.secret)
    expect(await run(code, {}, 'results')).toMatchObject([{ outcome: 'accepted' }])
    expect((await views()) - before).toBe(1)
  })

  const noCurl = spawnSync('curl', ['--version']).error !== undefined
  if (noCurl) console.warn('SKIPPED: there is no curl here to run the examples of docs/clients.md')

  test.skipIf(noCurl)('curl records a choice, then delivers a view', async () => {
    const before = await views()
    const code = asOurs(block('sh', '/v1/consent'), backend.writeKey, backend.secret)
    const { stdout } = await promisify(execFile)('sh', ['-c', code.replaceAll('user-1', 'user-2')])
    expect(stdout).toContain('"choices":{"personalisation":true}')
    expect(stdout).toContain('{"messageId":"view-1","outcome":"accepted"}')
    expect((await views()) - before).toBe(1)
  })

  test.skipIf(noCurl)('a test source tells the decision and what was removed', async () => {
    const source = await weir.source({ kind: 'server', withoutSecret: true, test: true })
    const { stdout } = await promisify(execFile)('sh', ['-c', asOurs(block('sh', 'shoe_size'), source.key)])
    const { results } = JSON.parse(stdout) as { results: { detail: JsonObject }[] }
    expect(results[0]?.detail).toMatchObject({ stored: false, fields: { unclassified: 1 } })
  })
})

test('a test source of a page judges as if what the event says had been recorded', async () => {
  const source = await weir.source({ kind: 'browser', test: true, origins: ['http://localhost:5173'] })
  const event = { anonymousId: newDevice().anonymousId, event: 'Product Viewed', properties: { product_id: 'tea' } }
  const context = { consent: { categoryPreferences: { Functional: true } } }
  const outcomes = []
  for (const more of [{}, { context }]) {
    const { body } = await source.post('/v1/track', { ...event, ...more }, { origin: 'http://localhost:5173' })
    outcomes.push((body as { results: { outcome: string }[] }).results[0]?.outcome)
  }
  expect(outcomes).toEqual(['refused', 'accepted'])
})
