import { hash, randomBytes, randomUUID } from 'node:crypto'
import { orm } from '../db/drizzle.ts'
import type { Db, Tx } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import type { Actor, Role } from '../officers/roles.ts'
import { apiToken } from './tables.ts'

const { and, asc, eq, gt, isNull } = orm

const DAY_MS = 86_400_000
export const TOKEN_DAYS = 90

export interface CreatedToken {
  readonly id: string
  readonly token: string
  readonly role: Role
  readonly expiresAt: string
}

/** Makes an opaque bearer token of 256 random bits for `/api/*`: shown once, kept as its SHA-256. */
export async function addToken(db: Db | Tx, role: Role, days: number = TOKEN_DAYS): Promise<CreatedToken> {
  if (!Number.isInteger(days) || days < 1 || days > 365) {
    throw new AppError('invalid', 'A token lives 1 to 365 days.', { code: 'days-invalid' })
  }
  const id = randomUUID()
  const token = `wt_${randomBytes(32).toString('base64url')}`
  const expiresAt = new Date(Date.now() + days * DAY_MS)
  await db.insert(apiToken).values({ tokenId: id, tokenHash: hash('sha256', token, 'buffer'), role, expiresAt })
  return { id, token, role, expiresAt: expiresAt.toISOString() }
}

export interface ListedToken {
  readonly id: string
  readonly role: Role
  readonly createdAt: string
  readonly expiresAt: string
  readonly revokedAt: string | null
}

export async function listTokens(db: Db): Promise<ListedToken[]> {
  const rows = await db.select().from(apiToken).orderBy(asc(apiToken.createdAt), asc(apiToken.tokenId))
  return rows.map((row) => ({
    id: row.tokenId,
    role: row.role,
    createdAt: row.createdAt.toISOString(),
    expiresAt: row.expiresAt.toISOString(),
    revokedAt: row.revokedAt?.toISOString() ?? null,
  }))
}

/** Takes effect with the next request. False where no such token is active. */
export async function revokeToken(db: Db | Tx, id: string): Promise<boolean> {
  const revoked = await db
    .update(apiToken)
    .set({ revokedAt: new Date() })
    .where(and(eq(apiToken.tokenId, id), isNull(apiToken.revokedAt)))
    .returning({ id: apiToken.tokenId })
  return revoked.length > 0
}

/** Who holds this token, asked of the database for each request: a revoked token is refused at once. */
export async function findToken(db: Db, token: string, now: number): Promise<Actor | undefined> {
  const [row] = await db
    .select({ id: apiToken.tokenId, role: apiToken.role })
    .from(apiToken)
    .where(
      and(
        eq(apiToken.tokenHash, hash('sha256', token, 'buffer')),
        isNull(apiToken.revokedAt),
        gt(apiToken.expiresAt, new Date(now)),
      ),
    )
  return row === undefined ? undefined : { kind: 'token', id: row.id, role: row.role }
}
