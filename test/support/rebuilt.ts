import { randomUUID } from 'node:crypto'
import { transaction } from '../../src/db/transaction.ts'
import type { Delivered, JsonObject } from '../../src/event/event.ts'
import type { LogPosition, Pseudonym, SubjectId } from '../../src/event/ids.ts'
import { eventKey } from '../../src/identity/blind-index.ts'
import type { Module } from '../../src/modules/module.ts'
import type { Pseudonymiser } from '../../src/protect/pseudonymise.ts'
import { subjectOf } from './stored.ts'
import { type TestApp, track } from './test-app.ts'

/** An event as a test sent it. What a module must hold of it is computed from this, and from nothing that was stored. */
export interface SentEvent {
  readonly userId: string
  /** The device that owns it; absent: the user does. */
  readonly anonymousId?: string
  readonly name: string
  readonly properties: JsonObject
  readonly source: string
  readonly at: number
  readonly messageId: string
}

export function sentEvent(input: Omit<SentEvent, 'messageId'>): SentEvent {
  return { ...input, messageId: randomUUID() }
}

export function bodyOf({ userId, anonymousId, name, properties, source, at, messageId }: SentEvent): JsonObject {
  return track(userId, name, properties, {
    messageId,
    timestamp: new Date(at).toISOString(),
    context: { campaign: { source } },
    ...(anonymousId === undefined ? {} : { anonymousId }),
  })
}

export interface LinkOf {
  readonly device: SubjectId
  readonly user: SubjectId
}

/** The digest of a module that was handed these events in one go, and told of these links: with nothing before. */
export async function rebuiltDigest(
  weir: TestApp,
  module: Module,
  by: Pseudonymiser,
  what: { readonly events: readonly SentEvent[]; readonly relinks: readonly { from: Pseudonym; to: Pseudonym }[] },
): Promise<string> {
  const { rows } = await weir.owner.$client.query<{ source_id: number }>(
    `select source_id from weir.source where name = 'shop-server'`,
  )
  const batch: Delivered[] = []
  for (const event of what.events) {
    if (module.name === 'attribution' && event.name === 'Order Refunded') continue // no route leads there
    const subject =
      event.anonymousId === undefined
        ? await subjectOf(weir, 'user_id', event.userId)
        : await subjectOf(weir, 'anonymous_id', event.anonymousId)
    if (subject === undefined) throw new Error('an event of nobody')
    batch.push(deliveredOf(weir, module, by, { event, subject, sourceId: rows[0]!.source_id }))
  }
  return inThrowAway(weir, module, async (tx) => {
    await module.clear(tx)
    await module.handle(tx, batch.reverse())
    for (const { from, to } of what.relinks) await module.relink(tx, from, to)
    return module.digest(tx)
  })
}

function deliveredOf(
  weir: TestApp,
  module: Module,
  by: Pseudonymiser,
  { event, subject, sourceId }: { event: SentEvent; subject: SubjectId; sourceId: number },
): Delivered {
  const { at, properties } = event
  const id = properties.order_id
  const iso = new Date(at).toISOString()
  return {
    position: 0n as LogPosition,
    eventKey: by.token('event', eventKey(weir.keyring.dedupeKey, sourceId, event.messageId).key, at),
    subject: by.pseudonym(subject, at),
    name: event.name,
    at: module.name === 'recommendation' ? iso.slice(0, 10) : `${iso.slice(0, 16)}Z`,
    fields: {
      properties: { ...properties, ...(typeof id === 'string' ? { order_id: by.token('order', id, at) } : {}) },
      context: { campaign: { source: event.source } },
    },
    consentEpoch: 1,
    purpose: module.purpose,
    told: 'server',
    shop: 'main',
  }
}

/** What the module's state is now. */
export function digestNow(weir: TestApp, module: Module): Promise<string> {
  return inThrowAway(weir, module, (tx) => module.digest(tx))
}

async function inThrowAway<T>(
  weir: TestApp,
  module: Module,
  work: (tx: Parameters<Module['digest']>[0]) => Promise<T>,
): Promise<T> {
  let result: { readonly value: T } | undefined
  const rolledBack = new Error('rolled back')
  await transaction(weir.db, async (tx) => {
    await tx.$client.query(`set local role weir_${module.name}`)
    result = { value: await work(tx) }
    throw rolledBack
  }).catch((error: unknown) => {
    if (error !== rolledBack) throw error
  })
  return result!.value
}

/** Every value of a module's schema that is a pseudonym or a token. */
export async function namesIn(weir: TestApp, schema: string): Promise<string[]> {
  const { rows: tables } = await weir.owner.$client.query<{ name: string }>(
    'select table_name as name from information_schema.tables where table_schema = $1',
    [schema],
  )
  const found = new Set<string>()
  for (const { name } of tables) {
    const { rows } = await weir.owner.$client.query<{ value: string }>(
      `select distinct m[1] as value from ${schema}.${name} t,
         regexp_matches(to_jsonb(t)::text, '"([pt][0-9]\\.[^"]+)"', 'g') as m`,
    )
    for (const { value } of rows) found.add(value)
  }
  return [...found]
}
