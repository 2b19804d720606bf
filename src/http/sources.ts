import { hash, randomBytes } from 'node:crypto'
import { orm } from '../db/drizzle.ts'
import type { Db, Tx } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import type { JsonObject, Source } from '../event/event.ts'
import { source } from './tables.ts'

const { and, asc, eq, isNull } = orm

/** A source with what proves it. */
export interface KnownSource {
  readonly source: Source
  /** SHA-256 of the secret; absent where the write key alone will do. */
  readonly secretHash: Buffer | undefined
}

export interface NewSource {
  readonly name: string
  readonly kind: 'browser' | 'server'
  readonly shop?: string
  readonly origins?: readonly string[]
  readonly test?: boolean
  /** Server sources only: Segment's server SDKs send the write key alone. */
  readonly withoutSecret?: boolean
  /** Public JWK of the shop's subject tokens. */
  readonly subjectKey?: JsonObject
  /** Public JWK of an agent's mandates: the source then asks for people, and vouches for nobody. */
  readonly agentKey?: JsonObject
}

export interface CreatedSource {
  readonly source: string
  readonly kind: 'browser' | 'server'
  readonly writeKey: string
  readonly secret?: string
}

/** What is looked up is the hash: a write key without a secret is itself one, and maps compare byte by byte. */
export function keyHash(key: string): string {
  return hash('sha256', key, 'base64url')
}

/**
 * Adds a source and returns its keys: shown once, kept only as SHA-256 (they are random, 192 and 256 bits, so a slow
 * hash adds nothing). Throws AppError conflict where the name is taken, invalid where an origin is none.
 */
export async function addSource(db: Db | Tx, input: NewSource): Promise<CreatedSource> {
  if (input.kind === 'server' && input.agentKey !== undefined) throw agentIsNoServer()
  const writeKey = `${input.kind === 'browser' ? 'wb' : 'ws'}_${randomBytes(24).toString('base64url')}`
  const secret =
    input.kind === 'server' && !input.withoutSecret ? `sk_${randomBytes(32).toString('base64url')}` : undefined
  const added = await db
    .insert(source)
    .values({
      name: input.name,
      kind: input.kind,
      shop: input.shop ?? 'main',
      origins: (input.origins ?? []).map(checkOrigin),
      test: input.test ?? false,
      writeKeyHash: hash('sha256', writeKey, 'buffer'),
      secretHash: secret === undefined ? null : hash('sha256', secret, 'buffer'),
      subjectJwk: input.subjectKey ?? null,
      agentJwk: input.agentKey ?? null,
    })
    .onConflictDoNothing({ target: source.name })
    .returning({ id: source.sourceId })
  if (added.length === 0) throw new AppError('conflict', 'A source of this name exists: revoked names stay taken too.')
  return { source: input.name, kind: input.kind, writeKey, ...(secret === undefined ? {} : { secret }) }
}

/** Scheme, host and port, as a browser writes them in Origin: no path, no wildcard, http only on this machine. */
export function checkOrigin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const loopback = url !== undefined && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)
  const scheme = url?.protocol === 'https:' || (url?.protocol === 'http:' && loopback)
  if (url === undefined || url.origin !== text || text.includes('*') || !scheme) {
    throw new AppError('invalid', 'An origin is https://host or https://host:port, http:// for this machine only.', {
      code: 'origin-invalid',
    })
  }
  return text
}

export interface ListedSource {
  /** As audit entries name it: `source:<id>`. */
  readonly id: number
  readonly source: string
  readonly kind: 'browser' | 'server'
  readonly shop: string
  readonly origins: readonly string[]
  readonly test: boolean
  readonly secret: boolean
  /** Whether subject tokens can be verified. */
  readonly subjectKey: boolean
  /** Whether it is an agent's. */
  readonly agentKey: boolean
  readonly createdAt: string
  readonly revokedAt: string | null
}

export async function listSources(db: Db): Promise<ListedSource[]> {
  const rows = await db.select().from(source).orderBy(asc(source.sourceId))
  return rows.map(listed)
}

function listed(row: typeof source.$inferSelect): ListedSource {
  return {
    id: row.sourceId,
    source: row.name,
    kind: row.kind,
    shop: row.shop,
    origins: row.origins,
    test: row.test,
    secret: row.secretHash !== null,
    subjectKey: row.subjectJwk !== null,
    agentKey: row.agentJwk !== null,
    createdAt: row.createdAt.toISOString(),
    revokedAt: row.revokedAt?.toISOString() ?? null,
  }
}

/** What stands for a source in the audit log; undefined where none has the name. */
export async function sourceReference(db: Db | Tx, name: string): Promise<string | undefined> {
  const [row] = await db.select({ id: source.sourceId }).from(source).where(eq(source.name, name))
  return row === undefined ? undefined : `source:${row.id}`
}

export interface SourceChange {
  /** Replaces the whole list; browser sources only. */
  readonly origins?: readonly string[]
  /** Replaces the public JWK of the shop's subject tokens. */
  readonly subjectKey?: JsonObject
  /** Replaces the public JWK of the agent's mandates. */
  readonly agentKey?: JsonObject
}

/**
 * Changes an active source; its keys stay as they are. Takes effect within two seconds in every running gateway.
 * Throws AppError not-found, invalid where an origin is none or the source is a server's and has no use for one.
 */
export async function changeSource(db: Db | Tx, name: string, change: SourceChange): Promise<ListedSource> {
  const active = and(eq(source.name, name), isNull(source.revokedAt))
  const [before] = await db.select().from(source).where(active)
  if (before === undefined) throw new AppError('not-found', 'no active source has this name')
  if (before.kind === 'server' && change.origins !== undefined) {
    throw new AppError('invalid', '--origin is for browser sources: a server sends no Origin')
  }
  if (before.kind === 'server' && change.agentKey !== undefined) throw agentIsNoServer()
  const set = {
    ...(change.origins === undefined ? {} : { origins: change.origins.map(checkOrigin) }),
    ...(change.subjectKey === undefined ? {} : { subjectJwk: change.subjectKey }),
    ...(change.agentKey === undefined ? {} : { agentJwk: change.agentKey }),
  }
  const [after] = await db.update(source).set(set).where(active).returning()
  if (after === undefined) throw new AppError('not-found', 'no active source has this name')
  return listed(after)
}

/** A server key speaks for every user of the shop. */
function agentIsNoServer(): AppError {
  return new AppError('invalid', '--agent-key is for browser sources: a server key would vouch for anybody')
}

/** Takes effect within two seconds in every running gateway. False where no active source has this name. */
export async function revokeSource(db: Db | Tx, name: string): Promise<boolean> {
  const revoked = await db
    .update(source)
    .set({ revokedAt: new Date() })
    .where(and(eq(source.name, name), isNull(source.revokedAt)))
    .returning({ id: source.sourceId })
  return revoked.length > 0
}

/** Every active source by the hash of its write key. */
export async function readSources(db: Db): Promise<Map<string, KnownSource>> {
  const rows = await db.select().from(source).where(isNull(source.revokedAt))
  return new Map(
    rows.map((row) => {
      const known: Source = {
        id: row.sourceId,
        name: row.name,
        kind: row.kind,
        shop: row.shop,
        origins: row.origins,
        test: row.test,
        ...(row.subjectJwk === null ? {} : { subjectKey: row.subjectJwk }),
        ...(row.agentJwk === null ? {} : { agentKey: row.agentJwk }),
      }
      return [row.writeKeyHash.toString('base64url'), { source: known, secretHash: row.secretHash ?? undefined }]
    }),
  )
}
