import { speakable } from './message.ts'

/** Path of the first value that Postgres would refuse or alter; or undefined, and the message holds no such key. */
export type Unclean = { readonly path: string; readonly what: 'nul' | 'surrogate' } | undefined

/**
 * Walks a parsed message, at most 32 levels deep. Deletes the keys that can swap a prototype, and returns where a
 * string or key holds NUL (it fails a whole commit group) or a lone surrogate (the database would alter it silently).
 */
export function clean(value: unknown, path = ''): Unclean {
  if (typeof value === 'string') {
    const what = wrongIn(value)
    return what === undefined ? undefined : { path, what }
  }
  if (typeof value !== 'object' || value === null) return undefined
  for (const key of Object.keys(value)) {
    if (dangerous.has(key)) {
      Reflect.deleteProperty(value, key)
      continue
    }
    const what = wrongIn(key)
    if (what !== undefined) return { path, what } // the key itself may be personal: the object that holds it is named
    const found = clean(Reflect.get(value, key), Array.isArray(value) ? `${path}[${key}]` : joined(path, key))
    if (found !== undefined) return found
  }
  return undefined
}

const dangerous = new Set(['__proto__', 'constructor', 'prototype'])

function wrongIn(text: string): 'nul' | 'surrogate' | undefined {
  if (text.includes('\u0000')) return 'nul'
  return text.isWellFormed() ? undefined : 'surrogate'
}

function joined(path: string, key: string): string {
  const name = speakable(key)
  return path === '' ? name : `${path}.${name}`
}
