import type { IncomingMessage } from 'node:http'
import { AppError } from '../errors.ts'
import { namesNobody } from './protocols/message.ts'

/** Who a request speaks for, kept out of the URL. Values are percent-encoded UTF-8. */
export const identityHeaderDocs: Readonly<Record<string, string>> = {
  'Weir-User-Id': 'Id of the user, percent-encoded UTF-8. Needs a server key or a subject token.',
  'Weir-Anonymous-Id': 'Id of the device, percent-encoded UTF-8.',
  'Weir-Anonymous-Secret': 'Secret of the device, as the SDK made it.',
  'Weir-Subject-Token': 'Token about the user, signed by the shop.',
}

export interface IdentityHeaders {
  readonly userId?: string
  readonly anonymousId?: string
  readonly anonymousSecret?: string
  readonly subjectToken?: string
}

/** Throws AppError 400 `header-unreadable` for a header that is not percent-encoded UTF-8 or too long. */
export function identityHeaders(request: IncomingMessage): IdentityHeaders {
  const found: Record<string, string> = {}
  for (const [header, name, max] of names) {
    const value = decode(request.headers[header], max)
    if (value !== undefined) found[name] = value
  }
  return found
}

const names = [
  ['weir-user-id', 'userId', 255],
  ['weir-anonymous-id', 'anonymousId', 255],
  ['weir-anonymous-secret', 'anonymousSecret', 256],
  ['weir-subject-token', 'subjectToken', 4_096],
] as const

function decode(header: string | string[] | undefined, max: number): string | undefined {
  if (header === undefined || header === '') return undefined
  if (typeof header !== 'string' || !/^[\x21-\x7e]*$/.test(header)) throw unreadable()
  const value = decoded(header)
  if (value === undefined || value.length > max || value.includes('\u0000')) throw unreadable()
  return namesNobody(value) ? undefined : value
}

function decoded(header: string): string | undefined {
  try {
    return decodeURIComponent(header)
  } catch {
    return undefined
  }
}

function unreadable(): AppError {
  return new AppError('invalid', 'Send Weir-… headers as percent-encoded UTF-8, ids of at most 255 characters.', {
    code: 'header-unreadable',
  })
}
