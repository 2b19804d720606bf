/** A message that cannot be taken, alone: the others of its batch pass. `reason` names the path, never the value. */
export class InvalidMessage extends Error {
  readonly reason: string

  /** @param path of names of the protocol, or of clean(), which speaks no other */
  constructor(path: string, problem: string) {
    const reason = `${path.length > MAX_PATH ? '…' : path}: ${problem}`
    super(reason)
    this.name = 'InvalidMessage'
    this.reason = reason
  }
}

const MAX_PATH = 200

/** Keys of a message can be personal too (`{"ann@example.com": 1}`): only plain names are repeated. */
export function speakable(key: string): string {
  return /^[A-Za-z_][\w-]{0,40}$/.test(key) ? key : '…'
}

export type Fields = Readonly<Record<string, unknown>>

const none: Fields = Object.freeze({})

/** An object, with null and "" read as an empty one: clients of the field send all three for "nothing". */
export function objectAt(parent: Fields, key: string, path = key): Fields {
  const value = parent[key]
  if (value === undefined || value === null || value === '') return none
  if (typeof value !== 'object' || Array.isArray(value)) throw new InvalidMessage(path, 'must be an object')
  return value as Fields
}

/** A text, or undefined for "", null and missing alike. */
export function textAt(parent: Fields, key: string, path = key): string | undefined {
  const value = parent[key]
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value !== 'string') throw new InvalidMessage(path, 'must be a string')
  return value
}

// What a client writes that took "no id" for a text: as an id it would make one person of many strangers.
const notIds = new Set(['null', 'undefined', 'NaN', '[object Object]'])

/** An id: a text or a whole number of at most `max` characters; undefined for "", null, missing and their spellings. */
export function idAt(parent: Fields, key: string, max: number, path = key): string | undefined {
  const value = parent[key]
  if (value === undefined || value === null) return undefined
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new InvalidMessage(path, 'must be a string: this number is not exact')
    return String(value)
  }
  if (typeof value !== 'string') throw new InvalidMessage(path, 'must be a string')
  if (value.length > max) throw new InvalidMessage(path, `must be at most ${max} characters`)
  return namesNobody(value) ? undefined : value
}

/** Blank, or how a client writes that there is no id. */
export function namesNobody(id: string): boolean {
  return id.trim() === '' || notIds.has(id)
}

/** A time as it was sent, for time.ts; a type that can never be one is refused. */
export function timeAt(parent: Fields, key: string): unknown {
  const value = parent[key]
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value !== 'string' && typeof value !== 'number') throw new InvalidMessage(key, 'must be an ISO 8601 time')
  return value
}
