import { setTimeout as delay } from 'node:timers/promises'
import type { JsonObject } from '../../src/event/event.ts'
import type { Gateway } from './gateway.ts'

/** A shop's server that talks to a gateway. */
export interface ShopClient {
  /** Waits as long as Retry-After says where the gateway is full. @throws where the answer is neither 200 nor that */
  post(path: string, body: object): Promise<JsonObject>
  get(path: string): Promise<JsonObject>
  /** Counters of one name by their label's value, as /metrics shows them. */
  counters(name: string): Promise<ReadonlyMap<string, number>>
  /** How often the gateway said that it is full. */
  readonly waits: () => number
}

export async function createShopClient(gateway: Gateway, authorization?: string): Promise<ShopClient> {
  const headers = { authorization: authorization ?? (await serverKey(gateway)), 'content-type': 'application/json' }
  let waits = 0
  return {
    async post(path, body) {
      const request = { method: 'POST', headers, body: JSON.stringify(body) }
      for (;;) {
        const answer = await fetch(gateway.url + path, request)
        if (answer.status === 200) return (await answer.json()) as JsonObject
        await answer.arrayBuffer()
        if (answer.status !== 503 && answer.status !== 429) throw new Error(`${path} was answered ${answer.status}`)
        waits++
        await delay(Number(answer.headers.get('retry-after')) * 1000)
      }
    },
    async get(path) {
      const answer = await fetch(gateway.url + path, { headers })
      if (answer.status !== 200) throw new Error(`${path.split('?', 1)[0]} was answered ${answer.status}`)
      return (await answer.json()) as JsonObject
    },
    async counters(name) {
      const text = await (await fetch(`${gateway.url}/metrics`)).text()
      const found = text.matchAll(new RegExp(`^${name}\\{\\w+="(\\w+)"\\} (\\d+)$`, 'gm'))
      return new Map([...found].map(([, label, value]) => [label!, Number(value)]))
    },
    waits: () => waits,
  }
}

async function serverKey(gateway: Gateway): Promise<string> {
  const source = await gateway.weir('source', 'add', 'bench', '--server', '--no-secret')
  return `Basic ${Buffer.from(`${source.writeKey}:`).toString('base64')}`
}

/** Does `work` for all of them, at most `width` at a time. */
export async function inTurns<T>(all: readonly T[], width: number, work: (one: T) => Promise<void>): Promise<void> {
  const waiting = all.values()
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (const one of waiting) await work(one)
    }),
  )
}

/** @param share 0 to 1; 0.99 of fewer than 100 values is the largest */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
}

export function rounded(value: number): number {
  return Math.round(value * 100) / 100
}

/** Says on stderr how far it is: stdout is for the result. */
export function progress(text: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`)
}
