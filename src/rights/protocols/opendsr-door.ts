import type { Db } from '../../db/pool.ts'
import { AppError } from '../../errors.ts'
import type { DoorsApi, OpenDsrCall, SignedAnswer } from '../../http/doors-api.ts'
import { parseJson } from '../../http/json.ts'
import type { Keyring } from '../../keys/keyring.ts'
import type { Request } from '../request.ts'
import { findRequest } from '../rows.ts'
import { findByToken, type OpenDsrController } from './controllers.ts'
import { createFromDoor, findFromDoor } from './create-from-door.ts'
import { droppedIdentities, hasFoundNobody } from './found-nobody.ts'
import {
  cancelledDocument,
  discoveryDocument,
  errorDocument,
  isSubjectRequestId,
  parseOpenDsr,
  type Refusal,
  statusDocument,
  submittedDocument,
  type Told,
} from './opendsr.ts'
import type { OpenDsrKey, OpenDsrKeyOf } from './opendsr-key.ts'
import { signatureHeaders } from './opendsr-signature.ts'

export interface OpenDsrDoorDeps {
  readonly db: Db
  readonly keyring: Keyring
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly publicUrl: string
  /** Undefined: the door is closed. */
  readonly key: OpenDsrKeyOf
  readonly due: () => void
  /** Takes a request back; throws AppError `request-state` where something was done already. */
  readonly cancel: (id: string, controller: string) => Promise<void>
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
  /** For whoever holds a controller's token. */
  const answered = (call: OpenDsrCall, work: (asked: Asked) => Promise<Said>): Promise<SignedAnswer> =>
    signedBy(deps, async ({ domain }) => {
      const controller = await known(deps.db, call.authorization)
      return work({ ...call, controller, domain })
    })
  return {
    certificate: async () => (await deps.key())?.certificate,
    discovery: () => signedBy(deps, async () => [200, discoveryDocument(deps.publicUrl)]),
    submit: (call) => answered(call, (asked) => submit(deps, asked)),
    status: (call) => answered(call, (asked) => status(deps, asked)),
    cancel: (call) => answered(call, (asked) => cancel(deps, asked)),
  }
}

type Said = readonly [status: number, document: object]
type Asked = OpenDsrCall & { readonly controller: OpenDsrController; readonly domain: string }

async function submit(deps: OpenDsrDoorDeps, { read, controller, domain }: Asked): Promise<Said> {
  const raw = (await read?.()) ?? Buffer.alloc(0)
  const { name, callbackHosts } = controller
  const incoming = parseOpenDsr(parseJson(raw).value, { controller: name, callbackHosts, domain, now: deps.now() })
  if ('errors' in incoming) {
    throw new OpenDsrRefusal(400, incoming.errors[0]?.message ?? 'It cannot be read.', incoming)
  }
  const { id } = await createFromDoor(deps, incoming)
  const request = await findRequest(deps.db, id)
  if (request === undefined) throw new Error('a request that was just taken in is not there')
  return [201, submittedDocument(request, incoming, { raw, now: deps.now() })]
}

async function status(deps: OpenDsrDoorDeps, asked: Asked): Promise<Said> {
  const { request, told } = await find(deps, asked)
  const foundNobody = await hasFoundNobody(deps.db, request)
  return [
    200,
    statusDocument(request, told, {
      domain: asked.domain,
      foundNobody,
      dropped: await droppedIdentities(deps.db, request.id),
    }),
  ]
}

async function cancel(deps: OpenDsrDoorDeps, asked: Asked): Promise<Said> {
  const { request, told } = await find(deps, asked)
  await deps.cancel(request.id, told.controller)
  return [202, cancelledDocument(told, deps.now())]
}

/** Another controller's request is as unknown as one that nobody sent. */
async function find(
  { db, keyring }: OpenDsrDoorDeps,
  { id: foreignId = '', controller: { name: controller } }: Asked,
): Promise<{ readonly request: Request; readonly told: Told }> {
  const told = { controller, foreignId }
  const isOne = isSubjectRequestId(foreignId)
  const own = isOne ? await findFromDoor({ db, keyring }, { protocol: 'opendsr', ...told }) : undefined
  const request = own === undefined ? undefined : await findRequest(db, own)
  if (request === undefined) throw new OpenDsrRefusal(404, 'You sent no request with this subject_request_id.')
  return { request, told }
}

async function signedBy(
  { key: keyOf }: OpenDsrDoorDeps,
  work: (key: OpenDsrKey) => Promise<Said>,
): Promise<SignedAnswer> {
  const key = await keyOf()
  if (key === undefined) return plain(404, errorDocument(404, 'This gateway offers no OpenDSR.'))
  try {
    return signed(key, ...(await work(key)))
  } catch (error) {
    const { status: code, message, refusal } = refusalOf(error)
    return signed(key, code, errorDocument(code, message, refusal))
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

function signed(key: OpenDsrKey, code: number, document: object): SignedAnswer {
  const answer = plain(code, document)
  const body = Buffer.from(answer.text, 'utf8')
  return {
    ...answer,
    headers: { ...answer.headers, ...signatureHeaders(key.privateKey, { domain: key.domain, body }) },
  }
}

function plain(code: number, document: object): SignedAnswer {
  const headers: Record<string, string> = code === 401 ? { 'WWW-Authenticate': 'Bearer realm="weir"' } : {}
  return { status: code, text: JSON.stringify(document), headers }
}
