import { randomUUID } from 'node:crypto'
import { Agent, request } from 'node:http'
import type { GatewayProcess, Station } from './gateway-process.ts'
import { ask } from './gateway-process.ts'

/** A shop's backend that talks to gateways of their own processes. */
export interface Shop {
  readonly ownerUrl: string
  post(gateway: Pick<GatewayProcess, 'url'>, path: string, body: unknown): Promise<Reply>
  choose(gateway: Pick<GatewayProcess, 'url'>, userId: string, personalisation: boolean): Promise<void>
  /** Sends one event each; their outcomes. */
  view(gateway: Pick<GatewayProcess, 'url'>, userId: string, ...products: string[]): Promise<string[]>
  /** Rows of events in the log. */
  logged(): Promise<number>
  /** How often each product arrived in the module. */
  delivered(): Promise<Record<string, number>>
}

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: Record<string, unknown>
}

export async function openShop(
  station: Pick<Station, 'weir'>,
  { name = 'shop', keepAlive = true }: { name?: string; keepAlive?: boolean } = {},
): Promise<Shop> {
  const source = await station.weir('source', 'add', name, '--server')
  const authorization = `Basic ${Buffer.from(`${source.writeKey}:${source.secret}`).toString('base64')}`
  const ownerUrl = (await station.weir('db-url')).url ?? ''
  const agent = keepAlive ? new Agent({ keepAlive, maxSockets: 32 }) : undefined
  const post: Shop['post'] = ({ url }, path, body) => send({ url: url + path, authorization, body, agent })
  return {
    ownerUrl,
    post,
    async choose(gateway, userId, personalisation) {
      const { status } = await post(gateway, '/v1/consent', { userId, choices: { personalisation } })
      if (status !== 200) throw new Error(`a choice was answered ${status}`)
    },
    async view(gateway, userId, ...products) {
      const { status, body } = await post(gateway, '/v1/batch', batchOf(userId, products))
      if (status !== 200) throw new Error(`a batch was answered ${status}`)
      return (body.results as { outcome: string }[]).map(({ outcome }) => outcome)
    },
    async logged() {
      const text = 'select count(*)::int as n from weir.event_log where kind = 0'
      return (await ask<{ n: number }>(ownerUrl, text))[0]?.n ?? 0
    },
    async delivered() {
      const text = 'select item, count(*)::int as n from recommendation.view group by item order by item'
      return Object.fromEntries(
        (await ask<{ item: string; n: number }>(ownerUrl, text)).map((row) => [row.item, row.n]),
      )
    },
  }
}

export function batchOf(userId: string, products: readonly string[]): { batch: object[]; sentAt: string } {
  const batch = products.map((product_id) => ({
    type: 'track',
    event: 'Product Viewed',
    messageId: randomUUID(),
    userId,
    properties: { product_id },
  }))
  return { batch, sentAt: new Date().toISOString() }
}

export interface Sending {
  readonly url: string
  readonly authorization: string
  readonly body: unknown
  /** Absent: a connection of its own. */
  readonly agent?: Agent | undefined
}

/** One POST. Rejects with the socket's error where no answer comes. */
export function send({ url, authorization, body, agent }: Sending): Promise<Reply> {
  const headers = { authorization, 'content-type': 'application/json' }
  return new Promise((resolve, reject) => {
    const call = request(url, { method: 'POST', headers, agent: agent ?? false }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (part: string) => {
        text += part
      })
      answer.on('error', reject)
      answer.on('end', () => {
        const parsed = JSON.parse(text === '' ? '{}' : text) as Record<string, unknown>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: parsed })
      })
    })
    call.on('error', reject)
    call.end(JSON.stringify(body))
  })
}

export interface Load {
  /** Products of events that were answered 200. */
  readonly answered: ReadonlySet<string>
  /** Answers that said "again". */
  readonly putOff: () => number
  /** Requests that got no answer although a connection stood. */
  readonly cutOff: () => number
  stop(): Promise<void>
}

/** Clients on kept-alive connections that send batches of three until they are stopped or nobody listens any more. */
export function startLoad(
  gateway: Pick<GatewayProcess, 'url'>,
  shop: Shop,
  userId: string,
  { prefix, clients = 8 }: { prefix: string; clients?: number },
): Load {
  const answered = new Set<string>()
  let putOff = 0
  let cutOff = 0
  let open = true
  let next = 0
  async function client(): Promise<void> {
    while (open) {
      const products = [1, 2, 3].map(() => `${prefix}-${next++}`)
      try {
        const { status } = await shop.post(gateway, '/v1/batch', batchOf(userId, products))
        if (status === 200) for (const product of products) answered.add(product)
        else putOff++
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') return
        cutOff++
      }
    }
  }
  const running = Array.from({ length: clients }, client)
  return {
    answered,
    putOff: () => putOff,
    cutOff: () => cutOff,
    async stop() {
      open = false
      await Promise.all(running)
    },
  }
}
