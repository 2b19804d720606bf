import { hash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { AppError } from '../errors.ts'
import type { Source } from '../event/event.ts'
import type { Actor, Role } from '../officers/roles.ts'
import type { HttpDeps } from './deps.ts'
import type { SourceCache } from './source-cache.ts'
import { keyHash } from './sources.ts'
import { findToken } from './tokens.ts'

/** What a request presents to be known by. */
export interface Credentials {
  readonly writeKey: string
  /** What a source is found by. */
  readonly keyHash: string
  readonly secret: string | undefined
}

/**
 * Credentials in the headers: Basic `writeKey:` or `writeKey:secret`, and X-Write-Key in the same two forms; beacons
 * bring theirs in the query. Undefined where there are none. Throws AppError 401 where they disagree or cannot be read.
 */
export function presented(request: IncomingMessage, fromQuery: readonly string[] = []): Credentials | undefined {
  const { authorization } = request.headers
  const header = request.headers['x-write-key']
  if (Array.isArray(header) || sentTwice(request)) throw disagreement()
  const found = [
    authorization === undefined ? undefined : basicOf(request.socket, authorization),
    header === undefined ? undefined : split(header),
    ...fromQuery.map((key) => (key === '' ? undefined : split(key))),
  ]
  return found.reduce(agree, undefined)
}

/** Node keeps the first of several Authorization headers and joins X-Write-Key; a proxy in front may have read the last. */
function sentTwice({ rawHeaders }: IncomingMessage): boolean {
  let authorizations = 0
  let writeKeys = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    if (name.length === 13 && name.toLowerCase() === 'authorization') authorizations++
    if (name.length === 11 && name.toLowerCase() === 'x-write-key') writeKeys++
  }
  return authorizations > 1 || writeKeys > 1
}

/** Folds the keys that a body carries into those of the headers. Every key that is there must be the same one. */
export function withBodyKeys(known: Credentials | undefined, keys: Iterable<unknown>): Credentials | undefined {
  let credentials = known
  for (const key of keys) {
    if (key === undefined || key === null || key === '') continue
    if (typeof key !== 'string') throw unreadable()
    if (key === credentials?.writeKey) continue
    credentials = agree(credentials, credentialsOf(key))
  }
  return credentials
}

function agree(known: Credentials | undefined, next: Credentials | undefined): Credentials | undefined {
  if (known === undefined || next === undefined) return known ?? next
  if (known.writeKey !== next.writeKey) throw disagreement()
  if (known.secret !== undefined && next.secret !== undefined && known.secret !== next.secret) throw disagreement()
  return { ...known, secret: known.secret ?? next.secret }
}

const lastBasic = new WeakMap<Socket, { readonly header: string; readonly credentials: Credentials }>()

/** A server sends the same header again and again over one connection: it is read once. */
function basicOf(socket: Socket, header: string): Credentials {
  const last = lastBasic.get(socket)
  if (last?.header === header) return last.credentials
  const credentials = readBasic(header)
  lastBasic.set(socket, { header, credentials })
  return credentials
}

// RFC 7617 §2: base64 of user-id ":" password. An empty password is none.
function readBasic(authorization: string): Credentials {
  const encoded = /^basic +([A-Za-z0-9+/_-]+={0,2})$/i.exec(authorization.trim())?.[1]
  if (encoded === undefined) throw unreadable()
  return split(Buffer.from(encoded, 'base64').toString('utf8'))
}

function split(text: string): Credentials {
  const colon = text.indexOf(':')
  if (colon === -1) return credentialsOf(text)
  return credentialsOf(text.slice(0, colon), text.slice(colon + 1) || undefined)
}

export function credentialsOf(writeKey: string, secret?: string): Credentials {
  return { writeKey, keyHash: keyHash(writeKey), secret }
}

/**
 * The source that the credentials prove, for a request that may come from a page. Throws AppError: 401 for an unknown
 * key or a wrong secret, 403 for a browser key on another site and for a server key inside a browser.
 */
export async function authenticateSource(
  cache: SourceCache,
  credentials: Credentials | undefined,
  origin: string | undefined,
): Promise<Source> {
  if (credentials === undefined || credentials.writeKey === '') {
    throw new AppError('unauthenticated', 'Send the write key: Authorization: Basic base64("WRITE_KEY:").', {
      code: 'key-missing',
    })
  }
  const known = await cache.find(credentials.keyHash)
  if (known === undefined) {
    throw new AppError('unauthenticated', 'No source has this write key, or it was revoked.', { code: 'key-unknown' })
  }
  if (known.secretHash !== undefined) checkSecret(known.secretHash, credentials.secret)
  if (origin !== undefined) checkOriginOf(known.source, origin)
  return known.source
}

function checkSecret(expected: Buffer, secret: string | undefined): void {
  if (secret !== undefined && timingSafeEqual(hash('sha256', secret, 'buffer'), expected)) return
  throw new AppError('unauthenticated', 'This source has a secret: send Basic base64("WRITE_KEY:SECRET").', {
    code: 'secret-wrong',
  })
}

const ORIGIN_MISSING =
  'This origin is not on the source’s list: weir source set NAME --origin https://shop.example, with every other that is to stay.'

/** The list is a speed bump, not a proof (curl sets any Origin): it stops a key that was copied to another site. */
function checkOriginOf(source: Source, origin: string): void {
  if (source.kind === 'server') {
    throw new AppError('forbidden', 'A server key was sent by a browser: revoke it and use a browser key there.', {
      code: 'server-key-in-browser',
    })
  }
  if (source.origins.includes(origin)) return // `null` is never listed
  throw new AppError('forbidden', ORIGIN_MISSING, {
    code: 'origin-not-listed',
  })
}

/** The bearer of an opaque token, or of a machine's own assertion. Throws AppError 401 `token-invalid` without a valid one. */
export async function authenticateBearer(
  { db, officers, now }: Pick<HttpDeps, 'db' | 'officers' | 'now'>,
  authorization: string | undefined,
): Promise<Actor & { role: Role }> {
  const bearer = /^bearer +([A-Za-z0-9._-]{20,2048})$/i.exec(authorization?.trim() ?? '')?.[1] ?? ''
  const actor = /^wt_[A-Za-z0-9_-]{43}$/.test(bearer)
    ? await findToken(db, bearer, now())
    : bearer.includes('.')
      ? await officers.verifyService(bearer)
      : undefined
  const role = actor?.role
  if (actor === undefined || role === undefined) {
    throw new AppError('unauthenticated', 'Sign in, or send a valid token: Authorization: Bearer TOKEN.', {
      code: 'token-invalid',
    })
  }
  return { ...actor, role }
}

export function roleMissing(roles: readonly Role[]): AppError {
  return new AppError('forbidden', `This needs the role ${roles.join(' or ')}.`, { code: 'role-missing' })
}

function unreadable(): AppError {
  return new AppError('unauthenticated', 'Send the write key as Authorization: Basic base64("WRITE_KEY:").', {
    code: 'credentials-unreadable',
  })
}

function disagreement(): AppError {
  return new AppError(
    'unauthenticated',
    'Header, query and body name different write keys, or a header stands twice: send one.',
    {
      code: 'keys-disagree',
    },
  )
}
