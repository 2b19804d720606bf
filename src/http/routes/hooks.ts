import { z } from 'zod'
import { readBody } from '../body.ts'
import type { HttpDeps } from '../deps.ts'
import type { DoorsApi } from '../doors-api.ts'
import type { Route } from './route.ts'

const MAX_BODY = 65_536
const TOPICS = ['customers/data_request', 'customers/redact', 'shop/redact'] as const
const WORDS: Readonly<Record<(typeof TOPICS)[number], string>> = {
  'customers/data_request': 'A customer asks what is held of them (Shopify)',
  'customers/redact': 'A customer is to be erased (Shopify)',
  'shop/redact': 'A shop has taken its app away: for the officers (Shopify)',
}

/** What other systems say without being asked: Shopify's compliance webhooks, recipients' states. */
export function hookRoutes({ rightsDoors }: HttpDeps): Route[] {
  return [...TOPICS.map((topic) => shopify(rightsDoors, topic)), recipientCallback(rightsDoors), jwks(rightsDoors)]
}

function shopify(doors: DoorsApi, topic: (typeof TOPICS)[number]): Route {
  return {
    method: 'post',
    path: `/hooks/shopify/${topic}`,
    surface: 'api',
    summary: WORDS[topic],
    description: `Signed by \`X-Shopify-Hmac-Sha256\` over the raw body, at most ${MAX_BODY} bytes. Answered after commit; sent again, it is the same request.`,
    headers: {
      'X-Shopify-Hmac-Sha256': 'base64 of HMAC-SHA-256 with the app’s secret',
      'X-Shopify-Webhook-Id': 'of the message',
    },
    answers: {
      200: { description: 'It is taken in.' },
      400: { description: 'The body is not as Shopify sends this topic.' },
      401: { description: 'The signature is none of a known app’s.' },
    },
    access: {
      who: 'anyone',
      async handle({ request }) {
        await doors.shopify(topic, { headers: request.headers, raw: await readBody(request, MAX_BODY) })
        return { json: {} }
      },
    },
  }
}

const params = z.strictObject({ name: z.string().max(63) })

function recipientCallback(doors: DoorsApi): Route {
  return {
    method: 'post',
    path: '/v1/recipients/:name/callback',
    surface: 'api',
    summary: 'A recipient says how far it is',
    description:
      'Signed as it was told: Standard Webhooks for a webhook, X-OpenDSR-Signature for an OpenDSR processor. docs/recipients.md has an example.',
    params,
    headers: {
      'webhook-id': 'of the message; any that the sender likes',
      'webhook-timestamp': 'seconds since 1970, within five minutes',
      'webhook-signature': 'v1, and base64 of HMAC-SHA-256 over id.timestamp.body',
    },
    answers: {
      200: { description: 'It is noted.' },
      400: { description: 'The body cannot be read.' },
      401: { description: 'The signature does not hold.' },
      404: { description: 'You were sent no message with this uid.' },
      409: { description: 'This message was not sent yet.' },
    },
    access: {
      who: 'anyone',
      async handle({ request, params: given }) {
        const { name } = given as z.infer<typeof params>
        await doors.recipientCallback(name, { headers: request.headers, raw: await readBody(request, MAX_BODY) })
        return { json: {} }
      },
    },
  }
}

function jwks(doors: DoorsApi): Route {
  return {
    method: 'get',
    path: '/.well-known/jwks.json',
    surface: 'api',
    summary: 'The public keys that check receipts',
    answers: {
      200: {
        description: 'RFC 7517: `use: sig` signs receipts, `use: tlog` the audit log.',
        schema: z.strictObject({
          keys: z.array(
            z.strictObject({
              kty: z.literal('OKP'),
              crv: z.literal('Ed25519'),
              x: z.string(),
              kid: z.string(),
              alg: z.literal('EdDSA'),
              use: z.enum(['sig', 'tlog']),
            }),
          ),
        }),
      },
    },
    access: { who: 'anyone', handle: () => ({ json: doors.jwks(), headers: { 'Access-Control-Allow-Origin': '*' } }) },
  }
}
