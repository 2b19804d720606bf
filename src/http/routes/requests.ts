import type { IncomingMessage } from 'node:http'
import { z } from 'zod'
import { AppError } from '../../errors.ts'
import type { HttpDeps } from '../deps.ts'
import {
  cancelSchema,
  contactsSchema,
  createdSchema,
  idSchema,
  proofSchema,
  requestSchema,
  resendSchema,
  statusSchema,
} from './requests-fields.ts'
import type { Route } from './route.ts'

const BODY = 16_384
/** The secret of a request never goes into a URL: there every proxy would log it. */
const nothingInUrl = z.strictObject({})
const secretDocs = {
  'Weir-Request-Secret': 'The secret of the request; or `Authorization: Bearer SECRET`. Never in the URL.',
}
const unknown = { 404: { description: 'No request has this number and this secret: which of the two is not said.' } }
const notNow = { 409: { description: 'The request is in a state in which this cannot be done.' } }

/** What people do with their requests, and where shops say they can be reached. */
export function requestRoutes(deps: HttpDeps): Route[] {
  return [
    createRequest(deps),
    requestStatus(deps),
    verifyRequest(deps),
    cancelRequest(deps),
    resendProof(deps),
    setContacts(deps),
  ]
}

/** POST /v1/requests */
function createRequest(deps: HttpDeps): Route {
  return {
    method: 'post',
    path: '/v1/requests',
    surface: 'ingest',
    summary: 'Ask for a right',
    description:
      'Answered alike, and as fast, whether or not anybody is found: who is asked to prove themselves is written to an address or number that is on file. An objection needs no proof.',
    query: nothingInUrl,
    body: { schema: requestSchema, limit: BODY },
    answers: {
      202: { description: 'Taken in.', schema: createdSchema },
      401: { description: 'The key, the session token or the mandate does not hold, or was used already.' },
      403: { description: 'The session token is of another user, or an agent asks for what it may not.' },
      429: { description: 'Too many requests: wait Retry-After seconds.' },
    },
    access: {
      who: 'asker',
      async handle({ source, body, request, addressPrefix }) {
        const { language, changes, writeKey: _, ...given } = body as z.infer<typeof requestSchema>
        const created = await deps.requests.create({
          ...present(given),
          language: language ?? languageOf(request),
          addressPrefix,
          ...(changes === undefined ? {} : { changes: changes.map((one) => present(one)) }),
          ...(source === undefined ? {} : { source }),
        })
        return { status: 202, json: created }
      },
    },
  }
}

/** GET /v1/requests/:id */
function requestStatus(deps: HttpDeps): Route {
  return {
    method: 'get',
    path: '/v1/requests/:id',
    surface: 'ingest',
    summary: 'Follow a request',
    description:
      'In plain words of its language. Recipients, reasons and the receipt are told once it is proved who asks.',
    params: idSchema,
    query: nothingInUrl,
    headers: secretDocs,
    answers: { 200: { description: 'Where it is.', schema: statusSchema }, ...unknown },
    access: {
      who: 'anyone',
      async handle({ params, request }) {
        const { id } = params as z.infer<typeof idSchema>
        return { json: await deps.requests.status({ id, secret: secretOf(request) }) }
      },
    },
  }
}

/** POST /v1/requests/:id/verify */
function verifyRequest(deps: HttpDeps): Route {
  return {
    method: 'post',
    path: '/v1/requests/:id/verify',
    surface: 'ingest',
    summary: 'Prove who asks',
    description:
      'A code with the request’s secret, or the token of a link. A link works in the browser that asked; where none was named, the request passes to whoever opened it, with a new secret.',
    params: idSchema,
    query: nothingInUrl,
    headers: secretDocs,
    body: { schema: proofSchema, limit: BODY },
    answers: {
      200: { description: 'Proved.', schema: statusSchema },
      403: { description: 'The code or link is wrong, used, too old, or of another browser.' },
      ...unknown,
      ...notNow,
      429: { description: 'Too many codes were tried: wait Retry-After seconds, or ask anew.' },
    },
    access: {
      who: 'anyone',
      async handle({ params, body, request, addressPrefix }) {
        const { id } = params as z.infer<typeof idSchema>
        const { code, token, browser } = body as z.infer<typeof proofSchema>
        const shown = code === undefined ? { token: token! } : { code }
        const secret = secretOf(request)
        return { json: await deps.requests.verify({ id, shown, addressPrefix, ...present({ secret, browser }) }) }
      },
    },
  }
}

/** POST /v1/requests/:id/cancel */
function cancelRequest(deps: HttpDeps): Route {
  return {
    method: 'post',
    path: '/v1/requests/:id/cancel',
    surface: 'ingest',
    summary: 'Take a request back',
    description:
      'As long as nothing was done. With its secret, or the token of the link that every contact on file was sent.',
    params: idSchema,
    query: nothingInUrl,
    headers: secretDocs,
    body: { schema: cancelSchema, limit: BODY },
    answers: { 200: { description: 'Taken back.', schema: statusSchema }, ...unknown, ...notNow },
    access: {
      who: 'anyone',
      async handle({ params, body, request }) {
        const { id } = params as z.infer<typeof idSchema>
        const { token } = body as z.infer<typeof cancelSchema>
        const by = token === undefined ? { secret: secretOf(request) } : { token }
        return { json: await deps.requests.cancel({ id, by }) }
      },
    },
  }
}

/** POST /v1/requests/:id/resend */
function resendProof(deps: HttpDeps): Route {
  return {
    method: 'post',
    path: '/v1/requests/:id/resend',
    surface: 'ingest',
    summary: 'Have a link or code sent again, or in another way',
    description: 'What was sent before is good no more. Answered alike whether or not there is anybody to write to.',
    params: idSchema,
    query: nothingInUrl,
    headers: secretDocs,
    body: { schema: resendSchema, limit: BODY },
    answers: {
      202: { description: 'It is sent, if there is anybody to send it to.', schema: statusSchema },
      ...unknown,
      ...notNow,
      429: { description: 'It was sent several times: wait Retry-After seconds.' },
    },
    access: {
      who: 'anyone',
      async handle({ params, body, request }) {
        const { id } = params as z.infer<typeof idSchema>
        const { verifyBy } = body as z.infer<typeof resendSchema>
        const json = await deps.requests.resend({ id, secret: secretOf(request), ...present({ verifyBy }) })
        return { status: 202, json }
      },
    },
  }
}

/** POST /v1/contacts */
function setContacts(deps: HttpDeps): Route {
  return {
    method: 'post',
    path: '/v1/contacts',
    surface: 'ingest',
    summary: 'Put on file where a user is reached',
    description:
      'With a server key: the shop vouches for it. Only these are ever written to about requests, and only they prove somebody who is not signed in.',
    query: nothingInUrl,
    body: { schema: contactsSchema, limit: BODY },
    answers: {
      200: { description: 'On file.', schema: z.strictObject({ set: z.array(z.enum(['email', 'phone'])) }) },
      401: { description: 'No or unknown write key.' },
      403: { description: 'A server key is needed.' },
      404: { description: 'Nothing is held of this user: there is nobody to write to yet.' },
      409: { description: 'The address or number is another user’s.' },
    },
    access: {
      who: 'source',
      async handle({ source, body }) {
        const { userId, email, phone } = body as z.infer<typeof contactsSchema>
        return {
          json: await deps.requests.setContacts({ source, userId: String(userId), ...present({ email, phone }) }),
        }
      },
    },
  }
}

/** Undefined where none was sent; where it stands in both places it must be one. */
export function secretOf({ headers }: IncomingMessage): string | undefined {
  const bearer = /^bearer +([\w-]{1,128})$/i.exec(headers.authorization?.trim() ?? '')?.[1]
  const own = headers['weir-request-secret']
  const header = typeof own === 'string' && own !== '' ? own : undefined
  if (bearer !== undefined && header !== undefined && bearer !== header) {
    throw new AppError('invalid', 'Authorization and Weir-Request-Secret differ: send one.', {
      code: 'secrets-disagree',
    })
  }
  return bearer ?? header
}

function languageOf({ headers }: IncomingMessage): 'zh-CN' | 'en' {
  return /^\s*zh\b/i.test(headers['accept-language'] ?? '') ? 'zh-CN' : 'en'
}

type Present<T> = { [Name in keyof T]: Exclude<T[Name], undefined> }

/** Without members that say nothing. */
function present<T extends object>(given: T): Partial<Present<T>> & Pick<T, RequiredOf<T>> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<Present<T>> &
    Pick<T, RequiredOf<T>>
}

type RequiredOf<T> = { [Name in keyof T]-?: undefined extends T[Name] ? never : Name }[keyof T]
