import { Gauge, type Registry } from 'prom-client'
import type { Db } from '../db/pool.ts'
import { patientLook } from '../patient-look.ts'
import type { MessageState } from './outbox.ts'

/** Of what recipients are told, by their number and how far it is; looked up when it is asked for, by any process. */
export function watchRecipients(
  registry: Registry,
  { db, now }: { readonly db: Db; readonly now: () => number },
): void {
  const look = patientLook(async () => {
    const { groups, callbacks } = await read(db)
    messages.reset()
    for (const { name, state, n } of groups) messages.set({ destination: name, state }, n)
    const waiting = groups.filter((one) => one.oldest !== null && (one.state === 'waiting' || one.state === 'sent'))
    const since = Math.min(...waiting.map((one) => one.oldest!.getTime()))
    oldest.set(waiting.length === 0 ? 0 : (now() - since) / 1000)
    given.set(callbacks)
  })
  const shared = { registers: [registry], aggregator: 'max' as const, collect: look }
  const messages = new Gauge({
    ...shared,
    name: 'weir_recipient_messages',
    help: 'What outside recipients are to be told of requests, by how far it is',
    labelNames: ['destination', 'state'],
  })
  const oldest = new Gauge({
    ...shared,
    name: 'weir_recipient_oldest_waiting_seconds',
    help: 'Since when a recipient has not acknowledged the oldest message; 0 where none waits',
  })
  const given = new Gauge({
    ...shared,
    name: 'weir_request_callbacks_given_up',
    help: 'Callbacks that a controller never took',
  })
}

interface Figures {
  readonly groups: readonly {
    readonly name: string
    readonly state: MessageState
    readonly n: number
    readonly oldest: Date | null
  }[]
  readonly callbacks: number
}

async function read(db: Db): Promise<Figures> {
  const { rows: groups } = await db.$client.query<Figures['groups'][number]>(
    `select d.name, m.state, count(*)::integer as n, min(m.made_at) as oldest
     from weir.recipient_message m join weir.destination d using (destination_id) group by 1, 2`,
  )
  const { rows } = await db.$client.query<{ n: number }>(
    'select count(*)::integer as n from weir.request_callback where given_up_at is not null',
  )
  return { groups, callbacks: rows[0]!.n }
}
