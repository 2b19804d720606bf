import type { z } from 'zod'

/**
 * What to write, for an issue that the schema has no words of its own for: an error map of `safeParse`. zod's words
 * name types of JavaScript. Holds nothing of what was sent, only what is known here.
 */
export function wordingOf(issue: z.core.$ZodRawIssue): string {
  const def = definitionOf(issue.inst)
  if (issue.code === 'invalid_type') {
    const kind = formats[def.format ?? ''] ?? numberOf(issue.inst) ?? kinds[issue.expected] ?? 'another kind of value'
    if (issue.input === undefined) return `is missing: write ${kind}`
    return issue.expected === 'string' && Array.isArray(issue.input) ? `write ${kind}, once` : `write ${kind}`
  }
  if (issue.code === 'too_small') return least(issue.origin, Number(issue.minimum))
  if (issue.code === 'too_big') return most(issue.origin, Number(issue.maximum))
  if (issue.code === 'invalid_value') return `write one of ${issue.values?.join(', ')}`
  if (issue.code === 'invalid_format') return `write ${formats[issue.format] ?? 'it another way'}`
  if (issue.code === 'unrecognized_keys') return unknownName(namesOf(def))
  return 'cannot be read'
}

const kinds: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
}

const formats: Readonly<Record<string, string>> = {
  date: 'a day such as 2026-01-31',
  datetime: 'a time such as 2026-01-31T12:00:00Z',
}

/** A whole number that has both ends; those of every exact one are no ends. */
function numberOf(schema: unknown): string | undefined {
  const { isInt, minValue, maxValue } = (schema ?? {}) as NumberSchema
  if (isInt !== true || typeof minValue !== 'number' || typeof maxValue !== 'number') return undefined
  return maxValue < Number.MAX_SAFE_INTEGER ? `a whole number from ${minValue} to ${maxValue}` : undefined
}

/** As zod shows it of a ZodNumber, and of no other schema. */
interface NumberSchema {
  readonly isInt?: boolean
  readonly minValue?: number | null
  readonly maxValue?: number | null
}

function least(origin: unknown, minimum: number): string {
  if (origin === 'string') return minimum === 1 ? 'must not be empty' : `write at least ${minimum} characters`
  if (origin === 'array') return minimum === 1 ? 'must not be empty' : `write at least ${minimum} entries`
  return `write at least ${minimum}`
}

function most(origin: unknown, maximum: number): string {
  if (origin === 'string') return `write at most ${maximum} characters`
  return origin === 'array' ? `write at most ${maximum} entries` : `write at most ${maximum}`
}

function unknownName(known: readonly string[]): string {
  if (known.length === 0) return 'takes nothing'
  return `holds an unknown name; known here: ${known.join(', ')}`
}

interface Definition {
  readonly format?: string
  readonly shape?: object
  readonly keyType?: { readonly options?: readonly string[] }
}

/** Of the schema or check that an issue comes from; zod types it as any of them. */
function definitionOf(schema: unknown): Definition {
  return (schema as { _zod?: { def: Definition } } | undefined)?._zod?.def ?? {}
}

/** The names that an object or a record of closed names may hold. */
function namesOf({ shape, keyType }: Definition): readonly string[] {
  return shape === undefined ? (keyType?.options ?? []) : Object.keys(shape)
}
