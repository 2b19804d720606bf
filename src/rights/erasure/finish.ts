import { transaction } from '../../db/transaction.ts'
import { recipientStates } from '../../destinations/outbox.ts'
import { subjectId } from '../../event/ids.ts'
import { needContent } from '../content.ts'
import type { RightsDeps } from '../deps.ts'
import { queueMessage } from '../messages/queue.ts'
import { move } from '../move.ts'
import { type FilesScan, type ReceiptModel, SCAN_VERSION } from '../receipt-claims.ts'
import type { Needles, Request } from '../request.ts'
import { lockRequest, note } from '../rows.ts'
import { scanDatabase } from '../scan/scan.ts'
import { issueReceipt } from './receipt.ts'
import { removeFromModules, removeRows } from './remove.ts'
import { opened } from './sample.ts'

const HOUR_MS = 3_600_000
const WAIT_MS = 24 * HOUR_MS
const TRIES = 3

/** How long an erasure waits for its recipients to be told before the receipt says how far it is: a day. */
export async function afterRecipients(deps: RightsDeps, request: Request): Promise<void> {
  const states = await recipientStates(deps.db, request.id)
  const isTold = states.every(({ state }) => state !== 'waiting')
  const isLate = deps.now() - request.stateAt >= WAIT_MS
  await transaction(deps.db, async (tx) => {
    const held = await lockRequest(tx, request.id)
    if (isTold || isLate) await move(tx, held, 'scanning', { actor: 'weir', now: deps.now(), nextAt: deps.now() })
  })
}

export interface FinishOptions {
  /** Holds the modules against a rebuild without the person, where that is asked for. */
  readonly prove?: () => Promise<readonly { readonly name: string; readonly equalToRebuild: boolean }[]>
  readonly filesScan?: FilesScan
  /** Ends the look into the columns between two tables: it throws, and is begun anew another time. */
  readonly signal?: AbortSignal
  readonly progress?: (done: number, of: number) => void
}

export interface Finished {
  readonly receipt: string
  readonly columns: number
  readonly models: readonly ReceiptModel[]
}

/**
 * Looks for the person everywhere; zero hits, or no receipt. What came in between (an act that had begun before) is taken
 * out and looked for again. Undefined where something stays: the request is `failed` then, and tried again.
 */
export async function finishErasure(
  deps: RightsDeps,
  request: Request,
  options: FinishOptions = {},
): Promise<Finished | undefined> {
  const { db, keyring, now } = deps
  const needles = await needContent(db, keyring, request.id, 'needles')
  const look = async (): ReturnType<typeof scanDatabase> =>
    scanDatabase(db, await withoutNewcomers(deps, request, needles), scanOptionsOf(options))
  let found = await look()
  for (let tries = 1; found.hits.length > 0 && tries < TRIES; tries++) {
    await removeAgain(deps, request)
    found = await look()
  }
  const sample = await needContent(db, keyring, request.id, 'sample')
  const openedNow = await opened(db, keyring, sample)
  if (found.hits.length > 0 || openedNow > 0) {
    deps.log.error(
      { request: request.id, hits: found.hits, opened: openedNow },
      'an erasure left something: no receipt',
    )
    await transaction(db, async (tx) => {
      const held = await lockRequest(tx, request.id)
      await move(tx, held, 'failed', { actor: 'weir', now: now(), reason: 'scan-hits', nextAt: now() + HOUR_MS })
    })
    return undefined
  }
  const at = new Date(now()).toISOString()
  const models = await modelsOf(deps, options)
  const receipt = await issueReceipt(deps, request, {
    scan: { at, version: SCAN_VERSION, columns: found.columns, hits: 0 },
    filesScan: options.filesScan ?? { state: 'pending' },
    sampled: sample.length,
    models,
  })
  const finished = { receipt, columns: found.columns, models }
  await close(deps, request, finished)
  return finished
}

/** Each module took the person out by itself; whether that is the state of a rebuild is held against one where it is asked for. */
async function modelsOf(deps: RightsDeps, { prove }: FinishOptions): Promise<ReceiptModel[]> {
  const proved = (await prove?.()) ?? []
  return deps.holders().flatMap(({ module }): ReceiptModel[] => {
    if (module === undefined) return []
    const verified = proved.find(({ name }) => name === module.name)?.equalToRebuild ?? false
    return [{ name: module.name, method: 'exact_subtract', verified }]
  })
}

async function close(
  deps: RightsDeps,
  request: Request,
  { receipt, columns }: Omit<Finished, 'models'>,
): Promise<void> {
  const { db, keyring, now } = deps
  await transaction(db, async (tx) => {
    const held = await lockRequest(tx, request.id)
    const manifest = await needContent(tx, keyring, held.id, 'manifest')
    const end = manifest.length === 0 ? 'completed' : 'completed_partial'
    await tx.$client.query('update weir.erasure set scanned_at = $2, columns = $3 where erasure_id = $1', [
      held.id,
      new Date(now()),
      columns,
    ])
    await move(tx, held, end, { actor: 'weir', now: now(), receipt, reason: null })
    // What is looked for in the files of the database stays sealed until that was done; who it was need not.
    await tx.$client.query(
      `delete from weir.request_content where request_id = $1 and kind in ('identifiers', 'sample', 'changes')`,
      [held.id],
    )
    await queueMessage(tx, { request: held.id, template: 'done', now: now() })
  })
}

function scanOptionsOf({ progress, signal }: FinishOptions): Pick<FinishOptions, 'progress' | 'signal'> {
  return { ...(progress === undefined ? {} : { progress }), ...(signal === undefined ? {} : { signal }) }
}

/** Somebody who was erased may come again, as somebody new: that they are found by the same index is no leftover. */
async function withoutNewcomers({ db, keyring }: RightsDeps, request: Request, needles: Needles): Promise<Needles> {
  const erased = await needContent(db, keyring, request.id, 'subjects')
  const { rows } = await db.$client.query<{ key: string }>(
    `select encode(index_key, 'hex') as key from weir.identifier
     where index_key = any(array(select decode(k, 'hex') from unnest($1::text[]) as k)) and subject_id <> all($2::uuid[])`,
    [needles.keyed.filter((one) => /^[0-9a-f]{32}$/.test(one)), erased],
  )
  const anew = new Set(rows.map((row) => row.key))
  return { ...needles, keyed: needles.keyed.filter((one) => !anew.has(one)) }
}

async function removeAgain(deps: RightsDeps, request: Request): Promise<void> {
  const { db, keyring } = deps
  await transaction(db, async (tx) => {
    const subjects = (await needContent(tx, keyring, request.id, 'subjects')).map(subjectId)
    const salt = await needContent(tx, keyring, request.id, 'salt')
    await removeFromModules(tx, deps, subjects)
    await removeRows(tx, deps, { subjects, identifiers: [], salt }) // the tombstones are there: a newcomer's time is not moved
    await note(tx, request.id, { actor: 'weir', what: 'removed-again' })
  })
}
