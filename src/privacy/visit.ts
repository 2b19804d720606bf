import { type KeyObject, randomBytes } from 'node:crypto'
import { z } from 'zod'
import { decrypt, encryptInto, NONCE_LENGTH, TAG_LENGTH, writeNonce } from '../protect/aes-gcm.ts'
import { expandKey } from '../protect/expand.ts'
import { lpConcat } from '../protect/layouts.ts'
import { OFFSETS } from './format.ts'

const indexes = z.array(z.tuple([z.int(), z.int(), z.string()])).max(8)
const identifierType = z.enum(['user_id', 'anonymous_id', 'email', 'phone'])

const whoSchema = z.strictObject({
  type: identifierType,
  /** Blind index under each readable version: (kid, rules, key). It leads to somebody here, and to nobody elsewhere. */
  keys: indexes,
  proof: z.enum(['session-token', 'mail-code', 'sms-code', 'device-secret']),
  provedAt: z.number(),
  /** The shop's token did not say that the person signed in just now. */
  stale: z.boolean(),
})

const visitSchema = z.strictObject({
  id: z.string().length(22),
  seenAt: z.number(),
  language: z.enum(['zh-CN', 'en']).optional(),
  offset: z
    .number()
    .refine((one) => OFFSETS.includes(one))
    .optional(),
  who: whoSchema.optional(),
  /** A code was asked for. */
  asked: z
    .strictObject({ id: z.string().length(22), type: z.enum(['email', 'phone']), keys: indexes, until: z.number() })
    .optional(),
  /** Requests that were made or opened here: number and secret. */
  follows: z.array(z.tuple([z.uuid(), z.string().max(64)])).max(5),
  /** What the next page says at its top. */
  said: z.string().max(40).optional(),
})

/** Whom a session proves. It holds no identifier. */
export type Who = z.infer<typeof whoSchema>
/** What the browser holds for us, sealed: nothing of it is kept here. Times in milliseconds since 1970. */
export type Visit = Readonly<z.infer<typeof visitSchema>>

const IDLE_MS = 30 * 60_000
/** However busy it is. */
const LONGEST_MS = 4 * 3_600_000
const AAD = Buffer.from('weir privacy visit 1')

/** A visit of nobody, under a new random id: nothing that was there before is taken over but what language was chosen. */
export function newVisit(now: number, before?: Pick<Visit, 'language' | 'offset'>): Visit {
  return {
    id: randomBytes(16).toString('base64url'),
    seenAt: now,
    follows: [],
    ...(before?.language === undefined ? {} : { language: before.language }),
    ...(before?.offset === undefined ? {} : { offset: before.offset }),
  }
}

export interface Visits {
  /** What a cookie holds; a new visit where there is none, where it was not made here, and after 30 idle minutes. */
  open(cookie: string | undefined, now: number): { readonly visit: Visit; readonly ended: boolean }
  /** The cookie of a visit, seen now. */
  seal(visit: Visit, now: number): string
}

/** Seals under HKDF-Expand(token key, LP("gw/v1/privacy") ‖ LP("visit")), AES-256-GCM, a random nonce each time. */
export function createVisits(tokenKey: KeyObject): Visits {
  const key = expandKey(tokenKey, lpConcat('gw/v1/privacy', 'visit'))
  return {
    open(cookie, now) {
      const visit = cookie === undefined ? undefined : read(key, cookie)
      if (visit === undefined) return { visit: newVisit(now), ended: false }
      const proved = visit.who?.provedAt ?? now
      const over = now - visit.seenAt > IDLE_MS || now - proved > LONGEST_MS
      return over ? { visit: newVisit(now, visit), ended: visit.who !== undefined } : { visit, ended: false }
    },
    seal(visit, now) {
      const plaintext = Buffer.from(JSON.stringify({ ...visit, seenAt: now }))
      const out = Buffer.alloc(NONCE_LENGTH + plaintext.length + TAG_LENGTH)
      writeNonce(out, 0)
      encryptInto(out, NONCE_LENGTH, { key, nonce: out.subarray(0, NONCE_LENGTH), aad: AAD, plaintext })
      return out.toString('base64url')
    },
  }
}

function read(key: KeyObject, cookie: string): Visit | undefined {
  const bytes = Buffer.from(cookie, 'base64url')
  if (bytes.length < NONCE_LENGTH + TAG_LENGTH) return undefined
  const nonce = bytes.subarray(0, NONCE_LENGTH)
  const text = decrypt({ key, nonce, aad: AAD, sealed: bytes.subarray(NONCE_LENGTH) })
  if (text === undefined) return undefined
  const parsed = visitSchema.safeParse(JSON.parse(text.toString('utf8')))
  return parsed.success ? (parsed.data as Visit) : undefined // of an older version of this page
}

const MOST_FOLLOWED = 5

/** The visit that also follows this request: the latest ones, so that the cookie stays small. */
export function follow(visit: Visit, id: string, secret: string): Visit {
  const others = visit.follows.filter(([one]) => one !== id)
  return { ...visit, follows: [[id, secret], ...others].slice(0, MOST_FOLLOWED) as Visit['follows'] }
}

/** The secret of a request that is followed here. */
export function secretOf({ follows }: Visit, id: string): string | undefined {
  return follows.find(([one]) => one === id)?.[1]
}
