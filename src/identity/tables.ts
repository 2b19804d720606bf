import { customType, date, integer, pgSchema, smallint, text, timestamp, uuid } from 'drizzle-orm/pg-core'

const weir = pgSchema('weir')
const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' })

export const subjects = weir.table('subject', {
  subjectId: uuid('subject_id').primaryKey(),
  kind: text('kind', { enum: ['device', 'user'] }).notNull(),
  generation: integer('generation').notNull(),
  keyVersion: smallint('key_version').notNull(),
  createdOn: date('created_on').notNull(),
  seenOn: date('seen_on').notNull(),
})

export const identifiers = weir.table('identifier', {
  indexKey: bytea('index_key').primaryKey(),
  subjectId: uuid('subject_id').notNull(),
  type: text('type', { enum: ['user_id', 'anonymous_id'] }).notNull(),
  indexVersion: smallint('index_version').notNull(),
  sealed: bytea('sealed').notNull(),
})

export const links = weir.table('link', {
  deviceId: uuid('device_id').primaryKey(),
  userId: uuid('user_id').notNull(),
  state: text('state', { enum: ['claimed', 'confirmed'] }).notNull(),
  since: timestamp('since', { withTimezone: true }).notNull(),
  bySource: integer('by_source').notNull(),
  confirmedAt: timestamp('confirmed_at', { withTimezone: true }),
  confirmedBy: integer('confirmed_by'),
  endedAt: timestamp('ended_at', { withTimezone: true }),
})
