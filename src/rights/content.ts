import type { Db, Tx } from '../db/pool.ts'
import type { Json } from '../event/event.ts'
import type { Keyring } from '../keys/keyring.ts'
import { destroyOwnKey, openOwn, ownKey, sealOwn } from './own-key.ts'
import type { RequestContent } from './request.ts'

const TABLE = 'request_content'
const CONTEXT_ID = 40

/** Writes what a request says of one kind, in place of what it said before. The request's key is there already. */
export async function putContent<Kind extends keyof RequestContent>(
  tx: Tx,
  keyring: Keyring,
  id: string,
  kind: Kind,
  value: RequestContent[Kind],
): Promise<void> {
  const keys = await ownKey(tx, keyring, id)
  if (keys === undefined) return // closed meanwhile: nothing is kept of it any more
  const sealed = sealOwn(keys, { id, table: TABLE, group: kind, contextId: CONTEXT_ID }, value as unknown as Json)
  await tx.$client.query(
    `insert into weir.request_content (request_id, kind, sealed) values ($1, $2, $3)
     on conflict (request_id, kind) do update set sealed = excluded.sealed`,
    [id, kind, sealed],
  )
}

/** Undefined where nothing was said, and once the request is over. */
export async function readContent<Kind extends keyof RequestContent>(
  db: Db | Tx,
  keyring: Keyring,
  id: string,
  kind: Kind,
): Promise<RequestContent[Kind] | undefined> {
  const { rows } = await db.$client.query<{ sealed: Buffer }>(
    'select sealed from weir.request_content where request_id = $1 and kind = $2',
    [id, kind],
  )
  const keys = rows[0] && (await ownKey(db, keyring, id))
  if (rows[0] === undefined || keys === undefined) return undefined
  return openOwn(keys, { id, table: TABLE, group: kind }, rows[0].sealed) as unknown as RequestContent[Kind]
}

/**
 * What the request says and nothing goes on without: an erasure of nobody, or a look for nothing, would pass for done.
 * Throws where it is gone.
 */
export async function needContent<Kind extends keyof RequestContent>(
  db: Db | Tx,
  keyring: Keyring,
  id: string,
  kind: Kind,
): Promise<RequestContent[Kind]> {
  const found = await readContent(db, keyring, id, kind)
  if (found === undefined) throw new Error(`a request lacks its ${kind}: it is not gone on with`)
  return found
}

/** The request stays to be counted; what it said is gone. */
export async function forgetContent(tx: Tx, keyring: Keyring, id: string): Promise<void> {
  await tx.$client.query('delete from weir.request_content where request_id = $1', [id])
  await destroyOwnKey(tx, keyring, id)
}
