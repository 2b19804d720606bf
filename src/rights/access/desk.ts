import { Readable } from 'node:stream'
import { transaction } from '../../db/transaction.ts'
import { AppError } from '../../errors.ts'
import type { SubjectId } from '../../event/ids.ts'
import type { DownloadInput, ExportsApi } from '../../http/exports-api.ts'
import { withCurrentIndex } from '../../identity/stale-index.ts'
import { withActiveEpoch } from '../../keys/subject-keys.ts'
import type { Logger } from '../../log.ts'
import { devicesOf } from '../people.ts'
import { bySecret, notNow } from '../present-secret.ts'
import type { Proof, Request } from '../request.ts'
import { lockRequest, note, subjectsOf } from '../rows.ts'
import { keysOfShops } from '../verify/session-token.ts'
import { sendDownloadCode } from './ask-code.ts'
import { type AccessDeps, openAccess } from './collect.ts'
import { exportFiles } from './files.ts'
import { givePermitBack, takePermit } from './permits.ts'
import { proveAgain } from './prove-again.ts'
import { encryptedZip, requirePassphrase } from './zip.ts'

export interface ExportsDeps extends AccessDeps {
  readonly log: Logger
  /** Said after a commit: a message may wait. */
  readonly told: () => void
}

const AT_ONCE = 3 // each holds a connection now and then, and a core while it compresses
const LONGEST_MS = 30 * 60_000 // a download that is not over by then waits for nobody

/** Hands people what is held of them: made as it is read, never stored. */
export function createExports(deps: ExportsDeps): ExportsApi {
  let running = 0

  async function start(input: DownloadInput, ended: () => void): ReturnType<ExportsApi['download']> {
    const request = await downloadable(deps, input)
    requirePassphrase(input.passphrase)
    const granted = await grant(deps, request, input)
    try {
      const archive = await compose(deps, request, granted, input)
      const timer = setTimeout(() => archive.destroy(), LONGEST_MS).unref()
      archive.once('close', () => {
        clearTimeout(timer)
        ended()
      })
      archive.on('error', (error) => deps.log.error({ err: error, request: request.id }, 'a download broke off'))
      return { name: `weir-${request.right}-${new Date(deps.now()).toISOString().slice(0, 10)}.zip`, archive }
    } catch (error) {
      await transaction(deps.db, (tx) => givePermitBack(tx, granted.permit))
      throw error
    }
  }

  return {
    async askCode(input) {
      const request = await downloadable(deps, input)
      await sendDownloadCode(deps, request.id, deps.now())
      deps.told()
    },
    async download(input) {
      if (running >= AT_ONCE) {
        const message = 'So many copies are being made already: ask again in a moment.'
        throw new AppError('overloaded', message, { code: 'exports-busy', retryAfter: 10 })
      }
      running += 1
      try {
        return await start(input, () => {
          running -= 1
        })
      } catch (error) {
        running -= 1
        throw error
      }
    },
  }
}

type ExportRequest = Request & { readonly right: 'access' | 'portability' }

/** The request, where it is one that is downloaded, and done. */
async function downloadable(
  { db }: ExportsDeps,
  { id, secret }: Pick<DownloadInput, 'id' | 'secret'>,
): Promise<ExportRequest> {
  const request = await bySecret(db, id, secret)
  const { right, state } = request
  if ((right !== 'access' && right !== 'portability') || state !== 'completed') throw notNow()
  return { ...request, right }
}

interface Granted {
  readonly subjects: readonly SubjectId[]
  readonly permit: Buffer
  readonly by: Proof
}

/** Who asks proves themselves again, and one permission is used up: in one transaction. */
async function grant(deps: ExportsDeps, request: ExportRequest, shown: DownloadInput): Promise<Granted> {
  const shops = shown.subjectToken === undefined ? [] : await keysOfShops(deps.db)
  const outcome = await withCurrentIndex(deps.keyring, () =>
    withActiveEpoch(deps.keyring, () =>
      transaction(deps.db, async (tx) => {
        await lockRequest(tx, request.id)
        const known = await subjectsOf(tx, request.id)
        if (known.length === 0) throw personErased()
        const proved = await proveAgain(tx, deps, { request, subjects: known, shown, shops })
        if ('error' in proved) return proved
        const permit = await takePermit(tx, request.id, deps.now())
        await note(tx, request.id, { actor: 'person', what: 'downloaded', more: proved.by })
        // With the devices that became known to be theirs since they asked: it is a copy as of now.
        const subjects = [...new Set([...known, ...(await devicesOf(tx, known))])].sort()
        return { subjects, permit, by: proved.by }
      }),
    ),
  )
  if ('error' in outcome) throw outcome.error
  return outcome
}

async function compose(
  deps: ExportsDeps,
  request: ExportRequest,
  { subjects, by }: Granted,
  { passphrase, format }: DownloadInput,
): Promise<Readable> {
  const { id, language, right } = request
  const source = await openAccess(deps, {
    subjects,
    requestId: id,
    entry: { actor: 'weir', resource: `request:${id}`, more: { by: 'person', right, format, proof: by } },
  })
  const files = exportFiles(source, { right, format, language })
  const chunks = encryptedZip(files, passphrase)
  const first = await chunks.next() // what fails at once is answered as an error, not as a broken file
  const archive = Readable.from(following(first, chunks), { objectMode: false })
  archive.once('close', () => void chunks.return(undefined)) // also where nobody read of it
  return archive
}

async function* following(
  first: IteratorResult<Uint8Array>,
  rest: AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (first.done !== true) yield first.value
  yield* rest
}

function personErased(): AppError {
  return new AppError('conflict', 'What was held was erased since: nothing is left to be handed out.', {
    code: 'person-erased',
  })
}
