import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { inject } from 'vitest'
import { openBrowser } from '../support/browser.ts'
import { type Caller, createTestApp, type TestApp } from '../support/test-app.ts'
import { until } from '../support/until.ts'
import { bundle } from './bundle.ts'

/** A gateway, a shop on another origin, and a browser that finds these two and nothing else. */
export interface Shop {
  readonly weir: TestApp
  /** Of the shop's pages; the source of `key` lists it. */
  readonly origin: string
  readonly source: Caller
  /** Opens a page of the shop whose script is `pages/<page>.js`, in a browser of its own (storage, cookies). */
  visit(page: string, options?: VisitOptions): Promise<Visit>
  /** What was decided for a destination, by message as they came: `track Product Viewed no-consent`. */
  decisions(visit: Visit, destination?: string): Promise<string[]>
  /** What the recommendation module holds whose item ends so. */
  inModule(ending: string): Promise<string[]>
  close(): Promise<void>
}

interface Verdict {
  readonly destination: string
  readonly permitted: boolean
  readonly clauses: readonly { readonly clause: string }[]
}

export interface VisitOptions {
  /** Other pages whose exports the test calls. */
  readonly beside?: readonly string[]
  /** Another site, which has the key and is not listed. */
  readonly host?: string
  /** In a browser that states Global Privacy Control. */
  readonly gpc?: boolean
}

/** One message as it left the browser. */
export interface Message {
  readonly type: string
  readonly event?: string
  readonly messageId: string
  readonly anonymousId?: string
  readonly context: Readonly<Record<string, unknown>>
}

export interface Visit {
  readonly page: Page
  readonly context: BrowserContext
  /** Hosts that the browser asked for something. */
  readonly hosts: Set<string>
  /** What the gateway answered, in order: `POST /v1/t 200`. Preflights are among them. */
  readonly answered: string[]
  /** Headers of what the gateway answered, preflights left out. */
  readonly headers: IncomingMessage['headers'][]
  readonly messages: Message[]
  /** What the page's console said that was not wanted. */
  readonly complaints: string[]
  /** Evaluates in the page, where the script's exports stand as `shop`. */
  run(code: string): Promise<unknown>
  /** Waits until the gateway answered so many messages. */
  answers(count: number): Promise<void>
  leave(): Promise<void>
}

const WEIR = 'weir.test' // what the test gateway is told its own address is

export async function openShop(): Promise<Shop> {
  const weir = await createTestApp()
  const scripts = new Map<string, string>()
  const site = createServer((request, response) => serve(scripts, request, response))
  const port = await listen(site)
  const hosts = { [WEIR]: new URL(weir.url).host }
  const open = (gpc: boolean): Promise<Browser> => openBrowser(inject('chromium')!, { hosts, gpc })
  const browsers = new Map([[false, await open(false)]])
  const origin = `http://localhost:${port}`
  const source = await weir.source({ kind: 'browser', name: 'web', origins: [origin] })
  const auditor = await weir.token('auditor')
  const own = { weir: `http://${WEIR}`, writeKey: source.key }

  return {
    weir,
    origin,
    source,
    async visit(name, { beside = [], host = 'localhost', gpc = false } = {}) {
      const browser = browsers.get(gpc) ?? (await open(gpc))
      browsers.set(gpc, browser)
      const file = `/${[name, ...beside].join('+')}`
      if (!scripts.has(`${file}.js`)) scripts.set(`${file}.js`, await bundle(name, beside, own))
      const visit = await watch(browser, weir.app.server)
      await visit.page.goto(`http://${host}:${port}${file}`)
      return visit
    },
    async decisions({ messages }, destination = 'recommendation') {
      const told: string[] = []
      for (const { messageId, type, event } of messages) {
        const { body } = await auditor.get(`/api/decisions/${encodeURIComponent(messageId)}?source=web`)
        const verdicts = (body as { destinations?: Verdict[] }).destinations
        const verdict = verdicts?.find((one) => one.destination === destination)
        const said = verdict?.permitted === true ? 'permitted' : verdict?.clauses[0]?.clause
        told.push([type, event, verdicts === undefined ? 'unknown' : (said ?? 'not routed')].filter(Boolean).join(' '))
      }
      return told
    },
    async inModule(ending) {
      await weir.settle()
      const { rows } = await weir.owner.$client.query<{ item: string }>(
        "select item from recommendation.view where item like '%' || $1 order by item",
        [ending],
      )
      return rows.map(({ item }) => item)
    },
    async close() {
      for (const browser of browsers.values()) await browser.close()
      site.closeAllConnections()
      await new Promise((resolve) => site.close(resolve))
      await weir.stop()
    },
  }
}

/** `/name` is a page, `/name.js` its script, `/elsewhere` a page without one. */
function serve(scripts: ReadonlyMap<string, string>, { url = '/' }: IncomingMessage, response: ServerResponse): void {
  const path = new URL(url, 'http://shop').pathname
  const script = scripts.get(path)
  response.setHeader('content-type', script === undefined ? 'text/html; charset=utf-8' : 'text/javascript')
  response.setHeader('content-security-policy', `connect-src http://${WEIR}`) // all that the clients need
  if (script !== undefined) response.end(script)
  else if (path.endsWith('.ico')) response.writeHead(204).end()
  else
    response.end(
      `<!doctype html><title>Tea</title>${scripts.has(`${path}.js`) ? `<script src="${path}.js"></script>` : ''}`,
    )
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, resolve))
  return (server.address() as AddressInfo).port
}

async function watch(browser: Browser, gateway: Server): Promise<Visit> {
  const context = await browser.newContext()
  const page = await context.newPage()
  const log = { hosts: new Set(), answered: [], headers: [], messages: [], complaints: [] } as Pick<
    Visit,
    'hosts' | 'answered' | 'headers' | 'messages' | 'complaints'
  >
  context.on('request', (request) => {
    log.hosts.add(new URL(request.url()).host)
  })
  page.on('console', (message) => {
    if (message.type() === 'error') log.complaints.push(message.text())
  })
  page.on('pageerror', (error) => log.complaints.push(String(error)))
  const record = (request: IncomingMessage, response: ServerResponse): void => recordAnswer(log, request, response)
  gateway.prependListener('request', record)
  return {
    ...log,
    page,
    context,
    run: (code) => page.evaluate(code),
    answers: (count) =>
      until(`${count} messages were answered`, () => log.messages.length >= count).catch((cause: unknown) => {
        throw new Error(`${log.answered.join(', ')}; ${log.complaints.join('; ')}`, { cause })
      }),
    async leave() {
      gateway.off('request', record)
      await context.close()
    },
  }
}

type Log = Pick<Visit, 'answered' | 'headers' | 'messages'>

/** Looks on while the gateway reads and answers: a message counts once its answer is out. */
function recordAnswer(log: Log, request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = []
  const push = request.push.bind(request)
  // A listener of `data` would set the body flowing before the gateway reads it.
  request.push = (chunk: Buffer | null, encoding) => {
    if (chunk !== null) chunks.push(chunk)
    return push(chunk, encoding)
  }
  response.on('finish', () => {
    const path = new URL(request.url ?? '/', 'http://weir').pathname.replace(/wb_[\w-]+/, 'KEY')
    log.answered.push(`${request.method} ${path} ${response.statusCode}`)
    if (request.method !== 'OPTIONS') log.headers.push(request.headers)
    if (response.statusCode === 200 && chunks.length > 0) log.messages.push(...messagesIn(Buffer.concat(chunks)))
  })
}

function messagesIn(body: Buffer): Message[] {
  const sent = JSON.parse(body.toString()) as Message & { batch?: Message[]; choices?: object }
  return sent.choices === undefined ? (sent.batch ?? [sent]) : []
}
