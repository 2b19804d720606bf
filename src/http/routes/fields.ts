import { z } from 'zod'

/** A text that the database takes as it is: no NUL, no half of a surrogate pair. */
export function text(max: number): z.ZodString {
  return z
    .string()
    .min(1)
    .max(max)
    .refine((value) => !value.includes('\u0000') && value.isWellFormed(), 'holds a character that cannot be kept')
}

/** A day in UTC, YYYY-MM-DD. */
export const day = z.iso.date()
