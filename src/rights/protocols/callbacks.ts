import type { Db } from '../../db/pool.ts'
import { CallRefused, type SafeCall } from '../../destinations/safe-call.ts'
import type { Keyring } from '../../keys/keyring.ts'
import { withActiveEpoch } from '../../keys/subject-keys.ts'
import type { Logger } from '../../log.ts'
import { createWorker, type Worker } from '../../work-loop.ts'
import { findRequest } from '../rows.ts'
import {
  type CallbackContent,
  endCallback,
  type News,
  newsFor,
  openCallback,
  type TakenCallback,
  takeCallback,
  writeNextTry,
  writeTold,
} from './callback-rows.ts'
import { droppedIdentities, hasFoundNobody } from './found-nobody.ts'
import { callbackDocument } from './opendsr.ts'
import type { OpenDsrKeyOf } from './opendsr-key.ts'
import { signatureHeaders } from './opendsr-signature.ts'

export interface CallbackDeps {
  readonly db: Db
  readonly keyring: Keyring
  readonly call: SafeCall
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly key: OpenDsrKeyOf
  readonly log: Logger
}

const POLL_MS = 5_000
const LOOK_AGAIN_MS = 5_000
const FIRST_WAIT_MS = 30_000
const LONGEST_WAIT_MS = 3_600_000
const MOST_TRIES = 80 // of one word: three days; the controller can ask for the state itself

/** Tells controllers of every state that their requests come to, in order, once each where it is taken (§8.5). */
export function createCallbackWorker(deps: CallbackDeps): Worker {
  return createWorker({
    everyMs: POLL_MS,
    async work(signal) {
      const until = deps.now()
      while (!signal.aborted) {
        const taken = await takeCallback(deps.db, until)
        if (taken === undefined) return
        await tellAll(deps, taken).catch((error: unknown) => {
          deps.log.error({ err: error, callback: taken.id }, 'a controller was not told; it is tried again')
        })
      }
    },
    failed: (error) => deps.log.error({ err: error }, 'the callbacks could not be looked at; they are again'),
  })
}

/** All that is new of one request, one call after the other. */
async function tellAll(deps: CallbackDeps, taken: TakenCallback): Promise<void> {
  const content = await withActiveEpoch(deps.keyring, () => openCallback(deps.db, deps.keyring, taken))
  if (content === undefined) return endCallback(deps, taken, { told: taken.told, gaveUp: true })
  let at = taken
  for (;;) {
    const { news, seq } = await newsFor(deps.db, at)
    if (news === undefined) {
      return writeTold(deps.db, taken.id, { told: at.told, seq, nextAt: deps.now() + LOOK_AGAIN_MS })
    }
    if (!(await tellOne(deps, at, { content, news }))) return afterFailure(deps, at)
    if (news.status === 'completed' || news.status === 'cancelled') {
      return endCallback(deps, taken, { told: news.status, gaveUp: false })
    }
    await writeTold(deps.db, taken.id, { told: news.status, seq: news.seq, nextAt: deps.now() + LOOK_AGAIN_MS })
    at = { ...at, told: news.status, toldSeq: news.seq, attempts: 0 }
  }
}

interface ToSay {
  readonly content: CallbackContent
  readonly news: News
}

/** Whether the controller took it: any 2xx. */
async function tellOne(deps: CallbackDeps, { request: id }: TakenCallback, { content, news }: ToSay): Promise<boolean> {
  const { db, call, log } = deps
  const key = await deps.key()
  const request = await findRequest(db, id)
  const origin = await controllerOf(db, id)
  if (request === undefined || origin === undefined || key === undefined) return false
  // What is told is the state that it had then, not one that it has come to since.
  const document = callbackDocument(
    { ...request, state: news.state },
    { controller: origin, foreignId: content.foreignId },
    {
      domain: key.domain,
      url: content.url,
      foundNobody: await hasFoundNobody(db, { ...request, state: news.state }),
      dropped: await droppedIdentities(db, request.id),
    },
  )
  const body = Buffer.from(JSON.stringify(document), 'utf8')
  const signed = signatureHeaders(key.privateKey, { domain: key.domain, body })
  try {
    const { status } = await call({
      method: 'POST',
      url: content.url,
      headers: { 'content-type': 'application/json', ...signed },
      body,
    })
    return status < 300
  } catch (error) {
    if (!(error instanceof CallRefused)) throw error
    log.warn({ request: id, code: error.code }, 'a controller could not be called back; it is tried again')
    return false
  }
}

async function afterFailure(deps: CallbackDeps, { id, told, attempts, request }: TakenCallback): Promise<void> {
  if (attempts + 1 >= MOST_TRIES) {
    deps.log.error({ request }, 'a controller takes no callback: given up; it can ask for the state itself')
    return endCallback(deps, { id }, { told, gaveUp: true })
  }
  await writeNextTry(deps.db, id, deps.now() + Math.min(FIRST_WAIT_MS * 2 ** Math.min(attempts, 10), LONGEST_WAIT_MS))
}

async function controllerOf(db: Db, request: string): Promise<string | undefined> {
  const { rows } = await db.$client.query<{ controller: string }>(
    'select controller from weir.request_origin where request_id = $1',
    [request],
  )
  return rows[0]?.controller
}
