import { pgCore } from '../db/drizzle.ts'
import type { JsonObject } from '../event/event.ts'

const { boolean, customType, integer, jsonb, pgSchema, text, timestamp, uuid } = pgCore

const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' })
const at = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' })

const weir = pgSchema('weir')

export const source = weir.table('source', {
  sourceId: integer('source_id').primaryKey().generatedAlwaysAsIdentity(),
  name: text('name').notNull().unique(),
  kind: text('kind', { enum: ['browser', 'server'] }).notNull(),
  shop: text('shop').notNull().default('main'),
  origins: text('origins').array().notNull().default([]),
  test: boolean('test').notNull().default(false),
  writeKeyHash: bytea('write_key_hash').notNull().unique(),
  secretHash: bytea('secret_hash'),
  subjectJwk: jsonb('subject_jwk').$type<JsonObject>(),
  agentJwk: jsonb('agent_jwk').$type<JsonObject>(),
  createdAt: at('created_at').notNull().defaultNow(),
  revokedAt: at('revoked_at'),
})

export const apiToken = weir.table('api_token', {
  tokenId: uuid('token_id').primaryKey(),
  tokenHash: bytea('token_hash').notNull().unique(),
  role: text('role', { enum: ['compliance', 'auditor', 'analyst', 'merchandiser', 'operator'] }).notNull(),
  createdAt: at('created_at').notNull().defaultNow(),
  expiresAt: at('expires_at').notNull(),
  revokedAt: at('revoked_at'),
})
