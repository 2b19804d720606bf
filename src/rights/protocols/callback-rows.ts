import { randomUUID } from 'node:crypto'
import type { Db, Tx } from '../../db/pool.ts'
import { transaction } from '../../db/transaction.ts'
import type { Json } from '../../event/event.ts'
import type { Keyring } from '../../keys/keyring.ts'
import { destroyOwnKey, makeOwnKey, openOwn, ownKey, sealOwn } from '../own-key.ts'
import type { State } from '../request.ts'
import { type OpenDsrState, openDsrState } from '../state.ts'

/** Sealed under a key of the callback's own: the last word goes out when what the request said is forgotten already. */
export interface CallbackContent {
  readonly url: string
  /** By which the sender knows its request. */
  readonly foreignId: string
}

const TABLE = 'request_callback'
const GROUP = 'callback'
const CONTEXT_ID = 47

export async function insertCallback(
  tx: Tx,
  keyring: Keyring,
  { request, at, content }: { readonly request: string; readonly at: number; readonly content: CallbackContent },
): Promise<void> {
  const id = randomUUID()
  const keys = await makeOwnKey(tx, keyring, id)
  const place = { id, table: TABLE, group: GROUP, contextId: CONTEXT_ID }
  await tx.$client.query(
    `insert into weir.request_callback (callback_id, request_id, sealed, state, next_at) values ($1, $2, $3, 'pending', $4)`,
    [id, request, sealOwn(keys, place, content as unknown as Json), new Date(at)],
  )
}

/** A callback that may have something to say. */
export interface TakenCallback {
  readonly id: string
  readonly request: string
  readonly sealed: Buffer
  /** What was told last. */
  readonly told: OpenDsrState
  readonly toldSeq: number
  /** Tries before this one. */
  readonly attempts: number
}

const LEASE_S = 60

/** Takes the next one that is due. Nobody else takes it within a minute, so that a worker that is killed loses none. */
export async function takeCallback(db: Db, now: number): Promise<TakenCallback | undefined> {
  const { rows } = await db.$client.query<TakenCallback>(
    `update weir.request_callback set next_at = $1::timestamptz + make_interval(secs => $2), attempts = least(attempts + 1, 1000)
     where callback_id = (
       select callback_id from weir.request_callback where sent_at is null and given_up_at is null and next_at <= $1
       order by next_at, callback_id limit 1 for update skip locked)
     returning callback_id as id, request_id as request, sealed, state as told, told_seq as "toldSeq", attempts - 1 as attempts`,
    [new Date(now), LEASE_S],
  )
  return rows[0]
}

/** Undefined where its key is gone. */
export async function openCallback(
  db: Db,
  keyring: Keyring,
  { id, sealed }: Pick<TakenCallback, 'id' | 'sealed'>,
): Promise<CallbackContent | undefined> {
  const keys = await ownKey(db, keyring, id)
  return keys && (openOwn(keys, { id, table: TABLE, group: GROUP }, sealed) as unknown as CallbackContent)
}

/** A state of the request that the sender does not know of yet. */
export interface News {
  readonly seq: number
  readonly state: State
  readonly status: OpenDsrState
}

/** What happened since: the first state that the protocol has another word for, and how far the history goes. */
export async function newsFor(
  db: Db,
  { request, told, toldSeq }: TakenCallback,
): Promise<{ readonly news: News | undefined; readonly seq: number }> {
  const { rows } = await db.$client.query<{ seq: number; to_state: State }>(
    'select seq, to_state from weir.request_event where request_id = $1 and seq > $2 and to_state is not null order by seq',
    [request, toldSeq],
  )
  const changes = rows.map(({ seq, to_state: state }): News => ({ seq, state, status: openDsrState(state).state }))
  return { news: changes.find(({ status }) => status !== told), seq: rows.at(-1)?.seq ?? toldSeq }
}

/** Writes down how far the sender was told, and when to look again. */
export async function writeTold(
  db: Db,
  id: string,
  { told, seq, nextAt }: { readonly told: OpenDsrState; readonly seq: number; readonly nextAt: number },
): Promise<void> {
  await db.$client.query(
    'update weir.request_callback set state = $2, told_seq = $3, next_at = $4, attempts = 0 where callback_id = $1',
    [id, told, seq, new Date(nextAt)],
  )
}

export async function writeNextTry(db: Db, id: string, nextAt: number): Promise<void> {
  await db.$client.query('update weir.request_callback set next_at = $2 where callback_id = $1', [id, new Date(nextAt)])
}

/** The last word was taken, or nobody takes it: what it was goes, with its key. */
export async function endCallback(
  { db, keyring, now }: { readonly db: Db; readonly keyring: Keyring; readonly now: () => number },
  { id }: Pick<TakenCallback, 'id'>,
  { told, gaveUp }: { readonly told: OpenDsrState; readonly gaveUp: boolean },
): Promise<void> {
  await transaction(db, async (tx) => {
    const at = new Date(now())
    await tx.$client.query(
      `update weir.request_callback set state = $2, sealed = null, sent_at = $3, given_up_at = $4 where callback_id = $1`,
      [id, told, gaveUp ? null : at, gaveUp ? at : null],
    )
    await destroyOwnKey(tx, keyring, id)
  })
}
