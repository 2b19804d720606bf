import type { Json, JsonObject } from '../event/event.ts'
import type { Change } from './request.ts'

/** The fields with the change made, and how many values it changed. */
export interface Changed {
  readonly fields: JsonObject
  readonly count: number
}

/**
 * One value for another at a path as the policy writes it (`traits.firstName`, `properties.products[].name`): wherever a
 * value of the same JSON type stands, or only where it was `from`. What is absent stays absent, a type is never changed,
 * and nothing that was given is altered. Pure.
 */
export function changeFields(fields: JsonObject, change: Pick<Change, 'path' | 'from' | 'to'>): Changed {
  const { value, count } = walk(fields, change.path.split('.'), change)
  return { fields: value as JsonObject, count }
}

interface Walked {
  readonly value: Json
  readonly count: number
}

function walk(value: Json, path: readonly string[], change: Pick<Change, 'from' | 'to'>): Walked {
  const [step, ...rest] = path
  if (step === undefined) return replaced(value, change)
  const inList = step.endsWith('[]')
  const key = inList ? step.slice(0, -2) : step
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return { value, count: 0 }
  const fields = value as JsonObject
  const inner = Object.hasOwn(fields, key) ? fields[key] : undefined
  if (inner === undefined) return { value, count: 0 }
  const made = inList ? walkList(inner, rest, change) : walk(inner, rest, change)
  return made.count === 0 ? { value, count: 0 } : { value: { ...fields, [key]: made.value }, count: made.count }
}

function walkList(value: Json, path: readonly string[], change: Pick<Change, 'from' | 'to'>): Walked {
  if (!Array.isArray(value)) return { value, count: 0 }
  const made = value.map((item: Json) => walk(item, path, change))
  return { value: made.map((one) => one.value), count: made.reduce((sum, one) => sum + one.count, 0) }
}

function replaced(value: Json, { from, to }: Pick<Change, 'from' | 'to'>): Walked {
  const fits = typeof value === typeof to && value !== to && (from === undefined || value === from)
  return fits ? { value: to, count: 1 } : { value, count: 0 }
}
