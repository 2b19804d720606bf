import { z } from 'zod'
import { AppError } from '../../errors.ts'
import { PUBLISHED } from '../../rights/access/schema.ts'
import type { HttpDeps } from '../deps.ts'
import { text } from './fields.ts'
import { secretOf } from './requests.ts'
import { idSchema } from './requests-fields.ts'
import type { Route } from './route.ts'

const secretDocs = {
  'Weir-Request-Secret': 'The secret of the request; or `Authorization: Bearer SECRET`. Never in the URL.',
}
const nothingInUrl = z.strictObject({})

const downloadSchema = z
  .strictObject({
    passphrase: text(128).describe(
      '12 to 128 characters of ASCII. The archive opens with it alone; it is kept nowhere.',
    ),
    format: z.enum(['all', 'json', 'csv', 'page']).default('all').describe('What the archive has beside its README.'),
    subjectToken: text(4_096).optional().describe('Signed by the shop, at most five minutes ago; good once.'),
    code: z.string().min(1).max(32).optional().describe('That was sent to what is on file.'),
    anonymousId: text(255).optional().describe('Of a device that asked for itself, with its secret.'),
    anonymousSecret: text(256).optional(),
  })
  .refine(
    (given) => (given.anonymousId === undefined) === (given.anonymousSecret === undefined),
    'send anonymousId and anonymousSecret together',
  )
  .refine(
    (given) => [given.subjectToken, given.code, given.anonymousId].filter((one) => one !== undefined).length <= 1,
    'send one proof: subjectToken, code, or the device',
  )
  .meta({ id: 'Download', examples: [{ passphrase: 'a sentence of your own', format: 'all', code: 'K7M2QXWP' }] })

const unknown = { 404: { description: 'No request has this number and this secret: which of the two is not said.' } }
const notNow = {
  409: { description: 'The request is no finished export, its downloads are used up, or seven days are over.' },
}

/** How people are handed what is held of them, and the schemas of what they are handed. */
export function exportRoutes(deps: HttpDeps): Route[] {
  return [askDownloadCode(deps), download(deps), publishedSchema()]
}

/** POST /v1/requests/:id/download/code */
function askDownloadCode(deps: HttpDeps): Route {
  return {
    method: 'post',
    path: '/v1/requests/:id/download/code',
    surface: 'ingest',
    summary: 'Have a code sent for a download',
    description: 'To what is on file of the person. Answered alike whether or not there is anything on file.',
    params: idSchema,
    query: nothingInUrl,
    headers: secretDocs,
    body: { schema: z.strictObject({}).meta({ id: 'AskDownloadCode', examples: [{}] }), limit: 1_024 },
    answers: {
      202: {
        description: 'It is sent, if there is anybody to send it to.',
        schema: z.strictObject({ asked: z.literal(true) }),
      },
      ...unknown,
      ...notNow,
      429: { description: 'It was sent several times: wait Retry-After seconds.' },
    },
    access: {
      who: 'anyone',
      async handle({ params, request }) {
        const { id } = params as z.infer<typeof idSchema>
        await deps.exports.askCode({ id, secret: secretOf(request) })
        return { status: 202, json: { asked: true } }
      },
    },
  }
}

/** POST /v1/requests/:id/download */
function download(deps: HttpDeps): Route {
  return {
    method: 'post',
    path: '/v1/requests/:id/download',
    surface: 'ingest',
    summary: 'Download what is held of you',
    description:
      'For seven days after the request is done, three times. Who asks proves themselves again. A zip archive of AES-256 entries (WinZip AE-2) under the passphrase, made while it is sent: an answer that breaks off has no end of the archive.',
    params: idSchema,
    query: nothingInUrl,
    headers: secretDocs,
    body: { schema: downloadSchema, limit: 16_384 },
    answers: {
      200: { description: 'application/zip.' },
      400: { description: 'The passphrase is too short, or has characters that programs write differently.' },
      403: { description: 'What was shown does not prove who asks: prove-again, code-wrong.' },
      ...unknown,
      ...notNow,
      429: { description: 'Too many tries: wait Retry-After seconds.' },
      503: { description: 'Many copies are being made just now: ask again after Retry-After seconds.' },
    },
    access: {
      who: 'anyone',
      async handle({ params, body, request, addressPrefix }) {
        const { id } = params as z.infer<typeof idSchema>
        const { passphrase, format, ...proofs } = body as z.infer<typeof downloadSchema>
        const given = Object.fromEntries(Object.entries(proofs).filter(([, value]) => value !== undefined))
        const asked = { id, secret: secretOf(request), passphrase, format, addressPrefix, ...given }
        const { name, archive } = await deps.exports.download(asked)
        return {
          stream: archive,
          type: 'application/zip',
          headers: { 'Content-Disposition': `attachment; filename="${name}"` },
        }
      },
    },
  }
}

/** GET /schemas/:name */
function publishedSchema(): Route {
  const names = Object.keys(PUBLISHED) as (keyof typeof PUBLISHED)[]
  return {
    method: 'get',
    path: '/schemas/:name',
    surface: 'api',
    summary: 'The schema of a file that people download',
    params: z.strictObject({ name: z.string().max(64) }),
    query: nothingInUrl,
    answers: {
      200: { description: `JSON Schema 2020-12: ${names.join(', ')}.` },
      404: { description: 'There is no schema of this name.' },
    },
    access: {
      who: 'anyone',
      handle({ params }) {
        const { name } = params as { name: string }
        const found = names.find((one) => one === name)
        if (found === undefined) throw new AppError('not-found', `There are ${names.join(' and ')}.`)
        return { text: JSON.stringify(PUBLISHED[found], null, 2), type: 'application/schema+json; charset=utf-8' }
      },
    },
  }
}
