import { z } from 'zod'

/** A text that the database takes as it is: no NUL, no half of a surrogate pair. */
export function text(max: number): z.ZodString {
  return z
    .string()
    .min(1)
    .max(max)
    .refine((value) => !value.includes('\u0000') && value.isWellFormed(), 'holds a character that cannot be kept')
}

/** Capitals only: what is kept compares codes as they are. */
export const currency = z.string().regex(/^[A-Z]{3}$/, 'write an ISO 4217 code in capitals, such as CNY')

/** A day in UTC, YYYY-MM-DD. Before 1970 are years that were never set, and year 0, which Postgres does not have. */
export const day = z.iso.date().refine((iso) => iso >= '1970-01-01', 'write a day since 1970-01-01')
