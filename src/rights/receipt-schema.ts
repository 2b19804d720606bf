import { z } from 'zod'
import { PROOFS, RIGHTS } from './request.ts'

const time = z.iso.datetime()
const text = z.string().max(300)
const base64url = z.string().regex(/^[A-Za-z0-9_-]{43}$/)

/** The claims of a receipt as they are read from outside. Members of later versions are let be. */
export const receiptSchema = z.looseObject({
  iss: z.url(),
  jti: z.uuid(),
  iat: z.int().nonnegative(),
  request_id: z.uuid(),
  regime: text,
  right: z.enum(RIGHTS),
  received_at: time,
  completed_at: time,
  verified_by: z.enum(PROOFS),
  subject_commitment: z.union([base64url, z.array(base64url).max(1000)]),
  actions: z
    .array(
      z.looseObject({
        store: text,
        class: text,
        action: z.enum(['deleted', 'shredded', 'restricted', 'anonymised']),
        count_bucket: z.enum(['0', '1-9', '10-99', '100-999', '1000+']),
      }),
    )
    .max(1000),
  retained: z.array(z.looseObject({ class: text, ground: text, until: z.iso.date() })).max(1000),
  destinations: z
    .array(
      z.looseObject({
        id: text,
        protocol: text,
        state: z.enum(['waiting', 'sent', 'acknowledged', 'verified-gone', 'failed']),
        ack_sha256: z
          .string()
          .regex(/^[0-9a-f]{64}$/)
          .optional(),
      }),
    )
    .max(1000),
  models: z
    .array(z.looseObject({ name: text, method: z.enum(['exact_subtract', 'rebuild']), verified: z.boolean() }))
    .max(100),
  horizon: time,
  backups_expire_at: time.nullable(),
  scan: z.looseObject({ at: time, version: z.int(), columns: z.int().nonnegative(), hits: z.literal(0) }),
  files_scan: z.union([
    z.looseObject({ state: z.literal('done'), at: time }),
    z.looseObject({ state: z.enum(['pending', 'out-of-reach']) }),
  ]),
  sample: z.looseObject({ tried: z.int().nonnegative(), opened: z.literal(0) }),
  prev: base64url.nullable(),
  log: z.looseObject({
    origin: text,
    index: z.int().nonnegative(),
    leaf: z.base64(),
    checkpoint: z.string().max(100_000),
    proof: z.string().max(200_000),
  }),
})
