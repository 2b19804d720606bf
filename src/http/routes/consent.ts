import { z } from 'zod'
import { isGpc } from '../../consent/signals/gpc.ts'
import { AppError } from '../../errors.ts'
import { PURPOSES } from '../../event/purpose.ts'
import type { ConsentAnswer, ConsentInput, HttpDeps } from '../deps.ts'
import { type IdentityHeaders, identityHeaderDocs, identityHeaders } from '../identity-headers.ts'
import { namesNobody } from '../protocols/message.ts'
import { EARLIEST, readTime } from '../protocols/time.ts'
import { text } from './fields.ts'
import type { Answer, Route } from './route.ts'

const choices = z
  .partialRecord(z.enum(PURPOSES), z.boolean())
  .refine((given) => Object.keys(given).length > 0, 'name at least one purpose')

/** As in events: a text or an exact whole number; what spells nobody is nobody. */
const id = z.union([text(255), z.int()], 'write a text or a whole number')

const bodySchema = z
  .strictObject({
    userId: id.nullish().describe('Needs a server key or a subject token.'),
    anonymousId: id.nullish().describe('At least 122 random bits; with a browser key it needs its secret.'),
    anonymousSecret: text(256).nullish().describe('Made by the SDK on first use; kept here as a keyed hash.'),
    subjectToken: text(4_096).nullish().describe('Signed by the shop.'),
    choices,
    at: z
      .union([z.string().max(40), z.number()], 'write a time such as 2026-01-31T12:00:00Z')
      .nullish()
      .describe('When the person chose, ISO 8601.'),
    noticeToken: text(4_096).nullish().describe('Names the text that the person saw.'),
    writeKey: z.string().optional(),
  })
  .meta({
    id: 'ConsentChoice',
    examples: [{ userId: 'u-1', choices: { analytics: true, personalisation: false } }],
  })

const answerSchema = z
  .strictObject({
    choices: z.partialRecord(z.enum(PURPOSES), z.boolean()),
    consentEpoch: z.int(),
    recordId: z.string(),
  })
  .meta({ id: 'Consent' })

const answers = {
  200: { description: 'The state after it, committed. A browser that reads it may rely on it.', schema: answerSchema },
  400: { description: 'Nobody is named, or the input cannot be read.' },
  401: { description: 'No or unknown write key.' },
  403: { description: 'The caller does not prove that it may speak for this person.' },
  429: { description: 'Too many requests: wait Retry-After seconds.' },
}

const READ =
  'What counts now, refusals of the confirmed user and devices included. Without a record: no choices, consentEpoch 0, recordId empty.'

/** POST /v1/consent */
export function recordConsent(deps: HttpDeps): Route {
  return {
    method: 'post',
    path: '/v1/consent',
    surface: 'ingest',
    summary: 'Record a choice',
    description: 'A withdrawal is in force when this is answered: nothing is handed on under that purpose any more.',
    body: { schema: bodySchema, limit: 16_384 },
    headers: identityHeaderDocs,
    answers,
    access: {
      who: 'source',
      async handle({ source, body, request, addressPrefix }) {
        const given = body as z.infer<typeof bodySchema>
        const who = oneVoice(inBody(given), identityHeaders(request))
        return answerOf(
          await deps.recordConsent({
            source,
            addressPrefix,
            gpc: isGpc(request.headers['sec-gpc']),
            choices: given.choices as ConsentInput['choices'],
            ...who,
            ...(given.noticeToken ? { noticeToken: given.noticeToken } : {}),
            ...timeOf(given.at ?? undefined, deps.now()),
          }),
        )
      },
    },
  }
}

/** GET /v1/consent */
export function readConsent(deps: HttpDeps): Route {
  return {
    method: 'get',
    path: '/v1/consent',
    surface: 'ingest',
    summary: 'Read the state of a person or device',
    query: z.strictObject({}),
    headers: identityHeaderDocs,
    answers: { ...answers, 200: { description: READ, schema: answerSchema } },
    access: {
      who: 'source',
      async handle({ source, request, addressPrefix }) {
        const who = oneVoice({}, identityHeaders(request))
        return answerOf(await deps.readConsent({ source, addressPrefix, ...who }))
      },
    },
  }
}

function answerOf({ choices: state, consentEpoch, recordId }: ConsentAnswer): Answer {
  return { json: { choices: state, consentEpoch, recordId } }
}

const identityFields = ['userId', 'anonymousId', 'anonymousSecret', 'subjectToken'] as const

function inBody(body: z.infer<typeof bodySchema>): IdentityHeaders {
  const given = identityFields.map((name) => [name, String(body[name] ?? '')] as const)
  return Object.fromEntries(given.filter(([, value]) => !namesNobody(value)))
}

/** Body and headers together; where both name somebody it must be the same one. */
function oneVoice(body: IdentityHeaders, headers: IdentityHeaders): IdentityHeaders {
  for (const name of identityFields) {
    if (body[name] !== undefined && headers[name] !== undefined && body[name] !== headers[name]) {
      throw new AppError('invalid', 'Body and headers name different people: send one.', { code: 'ids-disagree' })
    }
  }
  const who = { ...headers, ...body }
  if (who.userId === undefined && who.anonymousId === undefined && who.subjectToken === undefined) {
    throw new AppError('invalid', 'Name somebody: a user id, an anonymous id or a subject token.', {
      code: 'subject-missing',
    })
  }
  return who
}

/** Clocks of the field run ahead: a choice from the future was made now. One that cannot be read is refused. */
function timeOf(at: string | number | undefined, now: number): { at?: number } {
  if (at === undefined) return {}
  const ms = readTime(at)
  if (ms === undefined || ms < EARLIEST) {
    throw new AppError('invalid', 'body.at: write an ISO 8601 time since 2000.', { code: 'request-invalid' })
  }
  return { at: Math.min(ms, now) }
}
