import type { Db } from '../../db/pool.ts'
import { AppError } from '../../errors.ts'
import type { DoorsApi, OpenDsrCall, SignedAnswer } from '../../http/doors-api.ts'
import { parseJson } from '../../http/json.ts'
import type { Keyring } from '../../keys/keyring.ts'
import type { Request } from '../request.ts'
import { findRequest } from '../rows.ts'
import { findByToken, type OpenDsrController } from './controllers.ts'
import { createFromDoor, findFromDoor } from './create-from-door.ts'
import {
  cancelledDocument,
  discoveryDocument,
  errorDocument,
  isSubjectRequestId,
  parseOpenDsr,
  type Refusal,
  statusDocument,
  submittedDocument,
} from './opendsr.ts'
import type { OpenDsrKey } from './opendsr-key.ts'
import { signatureHeaders } from './opendsr-signature.ts'

export interface OpenDsrDoorDeps {
  readonly db: Db
  readonly keyring: Keyring
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly publicUrl: string
  /** Undefined: the door is closed. */
  readonly key: OpenDsrKey | undefined
  readonly due: () => void
  /** Takes a request back; throws AppError `request-state` where something was done already. */
  readonly cancel: (id: string) => Promise<void>
}

/** Answered as the protocol answers errors: 400 whatever it was, 401 and 404 apart. */
class OpenDsrRefusal extends Error {
  readonly status: number
  readonly refusal: Refusal | undefined

  constructor(status: number, message: string, refusal?: Refusal) {
    super(message)
    this.status = status
    this.refusal = refusal
  }
}

/** The processor's side of OpenDSR 2.0 (§6 to §9). Every answer is signed, errors too. */
export function createOpenDsrDoor(deps: OpenDsrDoorDeps): DoorsApi['opendsr'] {
  const { db, keyring, now, publicUrl, key } = deps
  const domain = key?.domain ?? ''

  async function answered(
    work: (controller: () => Promise<OpenDsrController>) => Promise<[number, object]>,
    call?: OpenDsrCall,
  ): Promise<SignedAnswer> {
    if (key === undefined) return plain(404, errorDocument(404, 'This gateway offers no OpenDSR.'))
    try {
      return signed(key, ...(await work(() => known(db, call?.authorization))))
    } catch (error) {
      const { status, message, refusal } = refusalOf(error)
      return signed(key, status, errorDocument(status, message, refusal))
    }
  }

  async function found(
    controller: OpenDsrController,
    id: string | undefined,
  ): Promise<{ request: Request; foreignId: string }> {
    const foreignId = id ?? ''
    const which = { protocol: 'opendsr', controller: controller.name, foreignId } as const
    const own = isSubjectRequestId(foreignId) ? await findFromDoor({ db, keyring }, which) : undefined
    const request = own === undefined ? undefined : await findRequest(db, own)
    if (request === undefined) throw new OpenDsrRefusal(404, 'You sent no request with this subject_request_id.')
    return { request, foreignId }
  }

  return {
    certificate: () => key?.certificate,
    discovery: () => answered(async () => [200, discoveryDocument(publicUrl)]),
    submit: (call) =>
      answered(async (who) => {
        const controller = await who()
        const raw = (await call.read?.()) ?? Buffer.alloc(0)
        const context = { controller: controller.name, callbackHosts: controller.callbackHosts, domain, now: now() }
        const incoming = parseOpenDsr(parseJson(raw).value, context)
        if ('errors' in incoming)
          throw new OpenDsrRefusal(400, incoming.errors[0]?.message ?? 'It cannot be read.', incoming)
        const { id } = await createFromDoor(deps, incoming)
        const request = await findRequest(db, id)
        if (request === undefined) throw new Error('a request that was just taken in is not there')
        return [201, submittedDocument(request, incoming, raw, now())]
      }, call),
    status: (call) =>
      answered(async (who) => {
        const controller = await who()
        const { request, foreignId } = await found(controller, call.id)
        return [200, statusDocument(request, { controller: controller.name, foreignId }, domain)]
      }, call),
    cancel: (call) =>
      answered(async (who) => {
        const controller = await who()
        const { request, foreignId } = await found(controller, call.id)
        await deps.cancel(request.id)
        return [202, cancelledDocument({ controller: controller.name, foreignId }, now())]
      }, call),
  }
}

async function known(db: Db, authorization: string | undefined): Promise<OpenDsrController> {
  const token = /^Bearer ([\w-]{20,200})$/i.exec(authorization ?? '')?.[1]
  const controller = token === undefined ? undefined : await findByToken(db, token)
  if (controller !== undefined) return controller
  throw new OpenDsrRefusal(401, 'Send the bearer token that weir controller add gave.')
}

/** Passes on what is no fault of the caller's. */
function refusalOf(error: unknown): OpenDsrRefusal {
  if (error instanceof OpenDsrRefusal) return error
  if (!(error instanceof AppError) || error.kind === 'overloaded') throw error
  const message =
    error.code === 'request-state' ? 'It is under way: a request is cancelled while it is pending.' : error.message
  return new OpenDsrRefusal(400, message, { errors: [{ reason: error.code, message }] })
}

function signed(key: OpenDsrKey, status: number, document: object): SignedAnswer {
  const answer = plain(status, document)
  const body = Buffer.from(answer.text, 'utf8')
  return {
    ...answer,
    headers: { ...answer.headers, ...signatureHeaders(key.privateKey, { domain: key.domain, body }) },
  }
}

function plain(status: number, document: object): SignedAnswer {
  const headers: Record<string, string> = status === 401 ? { 'WWW-Authenticate': 'Bearer realm="weir"' } : {}
  return { status, text: JSON.stringify(document), headers }
}
