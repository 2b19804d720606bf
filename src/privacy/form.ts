import { AppError } from '../errors.ts'

/** Fields of a form. */
export interface Form {
  /** The field's text, trimmed; undefined where it is absent, empty or longer than `max`. */
  text(name: string, max?: number): string | undefined
  /** The same as it was sent, blanks and all. */
  raw(name: string, max?: number): string | undefined
  /** Every value of a field that can be ticked several times. */
  all(name: string): readonly string[]
}

const MAX_FIELDS = 100

/** Reads application/x-www-form-urlencoded. Throws AppError invalid `form-unreadable` for anything else, or too many fields. */
export function readForm(type: string | undefined, body: Buffer): Form {
  if (!/^application\/x-www-form-urlencoded\s*(;|$)/i.test(type ?? '')) throw unreadable()
  const fields = new URLSearchParams(body.toString('utf8'))
  if (fields.size > MAX_FIELDS) throw unreadable()
  return formOf(fields)
}

export function formOf(fields: URLSearchParams): Form {
  function raw(name: string, max = 320): string | undefined {
    const values = fields.getAll(name)
    const value = values.length === 1 ? values[0]! : ''
    return value === '' || value.length > max ? undefined : value
  }
  return {
    raw,
    text: (name, max = 320) => raw(name, max)?.trim() || undefined,
    all: (name) => fields.getAll(name).slice(0, MAX_FIELDS),
  }
}

function unreadable(): AppError {
  return new AppError('invalid', 'The form cannot be read.', { code: 'form-unreadable' })
}
