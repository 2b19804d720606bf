import { askingKeys, cancelToken } from '../../rights/asking-keys.ts'
import { cancelRequest } from '../../rights/cancel.ts'
import { requestUnknown } from '../../rights/present-secret.ts'
import { receiptJwks } from '../../rights/receipt-jwks.ts'
import { RECEIPT_PAGE_NAME, receiptPage } from '../../rights/receipt-page.ts'
import { proveRequest } from '../../rights/verify/prove.ts'
import { resendProof } from '../../rights/verify/resend.ts'
import { followed } from '../data/requests.ts'
import type { FileReply, GoReply, Reply, Turn } from '../turn.ts'
import { secretOf } from '../visit.ts'
import { requestPage } from './request.ts'
import { orAgain } from './wrong.ts'

/** The secret of the request in the path. Throws AppError not-found where the visit does not follow it. */
function ownSecret({ visit, params }: Turn): { readonly id: string; readonly secret: string } {
  const id = params.id ?? ''
  const secret = secretOf(visit, id)
  if (secret === undefined) throw requestUnknown()
  return { id, secret }
}

function back({ visit }: Turn, id: string, said: string): GoReply {
  return { go: `/requests/${id}`, visit: { ...visit, said } }
}

/** POST /privacy/requests/:id/code */
export async function enterRequestCode(turn: Turn): Promise<Reply> {
  const { deps, form, ask } = turn
  const { id, secret } = ownSecret(turn)
  const shown = { code: form.text('code', 32) ?? '' }
  return orAgain(turn, { fields: CODE_FIELDS, form: requestPage }, async () => {
    await proveRequest(deps, { id, secret, shown, addressPrefix: ask.addressPrefix })
    return back(turn, id, 'request-proved')
  })
}

/** Errors that are about the code, by their codes. */
const CODE_FIELDS = { 'code-wrong': 'code', 'too-many-tries': 'code' }
const DOWNLOAD_FIELDS = {
  ...CODE_FIELDS,
  'passphrase-weak': 'passphrase',
}

/** POST /privacy/requests/:id/resend */
export async function resend(turn: Turn): Promise<GoReply> {
  const { id, secret } = ownSecret(turn)
  await resendProof(turn.deps, { id, secret })
  return back(turn, id, 'sent-again')
}

/** POST /privacy/requests/:id/cancel: by who has its secret, or is signed in as whom it is about. */
export async function cancel(turn: Turn): Promise<GoReply> {
  const { deps } = turn
  const { request, secret } = await followed(turn)
  const { id } = request
  const by = secret === undefined ? { token: cancelToken(askingKeys(deps.keyring.tokenKey), id) } : { secret }
  await cancelRequest(deps, { id, by })
  return back(turn, id, 'request-cancelled')
}

/** POST /privacy/requests/:id/lift */
export async function lift(turn: Turn): Promise<GoReply> {
  const { id, secret } = ownSecret(turn)
  await turn.deps.lift.own({ id, secret })
  return back(turn, id, 'restriction-lifted')
}

/** POST /privacy/requests/:id/download-code */
export async function askDownloadCode(turn: Turn): Promise<GoReply> {
  const { id, secret } = ownSecret(turn)
  await turn.deps.exports.askCode({ id, secret })
  return back(turn, id, 'code-sent')
}

/** POST /privacy/requests/:id/download: an archive under the passphrase, made while it is sent. */
export async function download(turn: Turn): Promise<Reply> {
  const proof = turn.form.text('anonymousSecret', 256) === undefined ? 'code' : 'anonymousSecret'
  return orAgain(turn, { fields: { ...DOWNLOAD_FIELDS, 'prove-again': proof }, form: requestPage }, () =>
    archiveOf(turn),
  )
}

async function archiveOf(turn: Turn): Promise<FileReply> {
  const { deps, form, ask } = turn
  const { id, secret } = ownSecret(turn)
  const code = form.text('code', 32)
  const anonymousId = form.text('anonymousId', 255)
  const anonymousSecret = form.text('anonymousSecret', 256)
  const { name, archive } = await deps.exports.download({
    id,
    secret,
    passphrase: form.raw('passphrase', 128) ?? '',
    format: 'all',
    addressPrefix: ask.addressPrefix,
    ...(code === undefined ? {} : { code }),
    ...(anonymousId === undefined || anonymousSecret === undefined ? {} : { anonymousId, anonymousSecret }),
  })
  return { file: archive, type: 'application/zip', name }
}

/** GET /privacy/requests/:id/receipt.html: one file that checks itself, to be kept. */
export async function saveReceipt(turn: Turn): Promise<FileReply> {
  const { deps, locale, now } = turn
  const { request } = await followed(turn)
  if (request.receipt === undefined) throw requestUnknown()
  const file = await receiptPage(request.receipt, { jwks: receiptJwks(deps.keyring), language: locale.language, now })
  return { file, type: 'text/html; charset=utf-8', name: RECEIPT_PAGE_NAME }
}
