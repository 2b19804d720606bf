import { z } from 'zod'
import { AppError } from '../errors.ts'
import type { Message } from './visit.ts'

/** What the gateway answered about one message. */
export interface Answered {
  readonly outcome: string
  readonly reason?: string | undefined
}

/** The shop's backend: Segment's SDK for Node as it comes from npm. */
export interface ShopSdk {
  /** Queues a message; the SDK sends in batches. */
  send(message: Message): void
  /** Resolves when everything queued is answered. @throws AppError where the SDK gave something up */
  flush(): Promise<void>
  /** By message id, in order of sending. */
  readonly answers: ReadonlyMap<string, Answered>
  close(): Promise<void>
}

type Segment = Pick<typeof import('@segment/analytics-node'), 'Analytics'>

/** @throws AppError where the dev dependencies are not installed */
export async function loadSegment(): Promise<Segment> {
  try {
    return await import('@segment/analytics-node')
  } catch (cause) {
    throw new AppError(
      'conflict',
      'the demo sends through @segment/analytics-node, a dev dependency: run `npm ci` without --omit=dev',
      { cause },
    )
  }
}

const Results = z.looseObject({
  results: z.array(
    z.looseObject({ messageId: z.string().nullable(), outcome: z.string(), reason: z.string().optional() }),
  ),
})

/** A day of the sample is fewer messages than this: it goes out as one batch, in order. */
const BATCH = 500

export function openSdk({ Analytics }: Segment, to: { readonly url: string; readonly writeKey: string }): ShopSdk {
  const answers = new Map<string, Answered>()
  let lost = 0
  const analytics = new Analytics({
    writeKey: to.writeKey,
    host: to.url,
    flushAt: BATCH,
    maxRetries: 3,
    // The SDK itself reads the status only. Its `httpClient` setting is made for wrapping, so we see the outcomes too.
    httpClient: async (url, { method, headers, body, signal }) => {
      const answer = await fetch(url, { method, headers, body, signal: signal as AbortSignal })
      const text = await answer.text()
      if (answer.ok) keepAnswers(answers, text)
      return { status: answer.status, statusText: answer.statusText, headers: answer.headers, text: async () => text }
    },
  })
  analytics.on('error', () => {
    lost++
  })
  return {
    answers,
    send: (message) => sendOne(analytics, message),
    async flush() {
      await analytics.flush()
      if (lost > 0) throw new AppError('conflict', `the SDK gave up on ${lost} messages: the gateway refused the batch`)
    },
    close: () => analytics.closeAndFlush({ timeout: 500 }),
  }
}

/** The first answer of a message counts: a repetition is answered `duplicate`. */
function keepAnswers(answers: Map<string, Answered>, text: string): void {
  for (const { messageId, outcome, reason } of Results.parse(JSON.parse(text)).results) {
    if (messageId !== null && !answers.has(messageId)) answers.set(messageId, { outcome, reason })
  }
}

function sendOne(analytics: InstanceType<Segment['Analytics']>, message: Message): void {
  const { type, messageId, at, anonymousId, userId, event, properties, context } = message
  const who = { anonymousId, ...(userId === undefined ? {} : { userId }) }
  const common = { ...who, messageId, timestamp: new Date(at), context }
  if (type === 'page') analytics.page({ ...common, properties: { ...properties } })
  else if (type === 'identify') analytics.identify({ ...common, traits: { ...properties } })
  else analytics.track({ ...common, event: event ?? '', properties: { ...properties } })
}
