import { createHmac, randomBytes, randomUUID } from 'node:crypto'
import { appendEntries } from '../../audit/log.ts'
import type { Db, Tx } from '../../db/pool.ts'
import { sqlState, transaction } from '../../db/transaction.ts'
import type { Keyring } from '../../keys/keyring.ts'
import { withActiveEpoch } from '../../keys/subject-keys.ts'
import { expandKey } from '../../protect/expand.ts'
import { lpConcat } from '../../protect/layouts.ts'
import { putContent } from '../content.ts'
import { dueOf } from '../due.ts'
import { makeOwnKey } from '../own-key.ts'
import { insertRequest, note } from '../rows.ts'
import { insertCallback } from './callback-rows.ts'
import type { DoorProtocol, Incoming } from './door.ts'

export interface FromDoorDeps {
  readonly db: Db
  readonly keyring: Keyring
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** A request is due: look at it now rather than in a moment. */
  readonly due: () => void
}

export interface FromDoor {
  readonly id: string
  /** False where the sender had sent it before. */
  readonly created: boolean
}

const UNIQUE_VIOLATION = '23505'

/**
 * Takes in what another system sends: one transaction for the request, what it says, and where it came from. The system
 * vouches for the person, so that matching is all that is left; what is no person's goes to the officers at once. The same
 * again, also at the same moment, is the same request.
 */
export async function createFromDoor(deps: FromDoorDeps, incoming: Incoming): Promise<FromDoor> {
  const found = await findFromDoor(deps, incoming)
  if (found !== undefined) return { id: found, created: false }
  try {
    const id = await withActiveEpoch(deps.keyring, () => transaction(deps.db, (tx) => insert(tx, deps, incoming)))
    deps.due()
    return { id, created: true }
  } catch (error) {
    const other = sqlState(error) === UNIQUE_VIOLATION ? await findFromDoor(deps, incoming) : undefined
    if (other === undefined) throw error
    return { id: other, created: false }
  }
}

/** The request that a sender knows by this id; undefined where it sent none. */
export async function findFromDoor(
  { db, keyring }: Pick<FromDoorDeps, 'db' | 'keyring'>,
  which: Pick<Incoming, 'protocol' | 'controller' | 'foreignId'>,
): Promise<string | undefined> {
  const { rows } = await db.$client.query<{ request_id: string }>(
    'select request_id from weir.request_origin where protocol = $1 and controller = $2 and foreign_id_hash = $3',
    [which.protocol, which.controller, foreignIdHash(keyring, which)],
  )
  return rows[0]?.request_id
}

/** HMAC-SHA-256: a shop may take its customer's number for it. */
function foreignIdHash(
  { tokenKey }: Keyring,
  {
    protocol,
    controller,
    foreignId,
  }: { readonly protocol: DoorProtocol; readonly controller: string; readonly foreignId: string },
): Buffer {
  const key = expandKey(tokenKey, lpConcat('gw/v1/request', 'foreign-id'))
  return createHmac('sha256', key)
    .update(lpConcat(protocol, controller, foreignId))
    .digest()
}

async function insert(tx: Tx, { keyring, now }: FromDoorDeps, incoming: Incoming): Promise<string> {
  const { protocol: door, right, regime, language, receivedAt, byOfficer } = incoming
  const id = randomUUID()
  const at = now()
  const { because: _, ...due } = dueOf({ right, regime, receivedAt })
  const state = byOfficer ? 'verified' : 'received' // nobody is to be looked for
  const row = { id, right, door, regime, language, state, receivedAt, nextAt: at, ...due } as const
  const secretHash = randomBytes(32) // of a secret that nobody has: it is followed over its own protocol
  await insertRequest(tx, { ...row, verifiedBy: 'processor', needsOfficer: byOfficer, secretHash }, at)
  await makeOwnKey(tx, keyring, id)
  await putContent(tx, keyring, id, 'identifiers', incoming.identifiers)
  await insertOrigin(tx, keyring, id, incoming)
  for (const url of incoming.callbackUrls) {
    await insertCallback(tx, keyring, { request: id, at, content: { url, foreignId: incoming.foreignId } })
  }
  await note(tx, id, { actor: 'weir', what: 'created', to: state, more: door })
  const entry = { actor: 'weir', action: 'request.create', resource: `request:${id}`, purpose: 'rights' } as const
  const more = { by: 'controller', controller: incoming.controller, right, door }
  await appendEntries(tx, [{ ...entry, outcome: 'done', more }])
  return id
}

async function insertOrigin(tx: Tx, keyring: Keyring, id: string, incoming: Incoming): Promise<void> {
  await tx.$client.query(
    `insert into weir.request_origin (request_id, protocol, controller, foreign_id_hash, losses) values ($1, $2, $3, $4, $5)`,
    [
      id,
      incoming.protocol,
      incoming.controller,
      foreignIdHash(keyring, incoming),
      [...new Set(incoming.losses)].sort(),
    ],
  )
}
