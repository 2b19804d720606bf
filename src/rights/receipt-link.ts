import { AppError } from '../errors.ts'
import { withActiveEpoch } from '../keys/subject-keys.ts'
import type { AskingDeps } from './asking-deps.ts'
import { askingKeys, hashOfSecret, receiptToken, same } from './asking-keys.ts'
import { readContent } from './content.ts'
import { useOnce } from './create.ts'
import { requestUnknown } from './present-secret.ts'
import type { Request } from './request.ts'
import { findRequest, subjectsOf } from './rows.ts'

type LinkDeps = Pick<AskingDeps, 'db' | 'keyring' | 'audit' | 'now'>

/** What the link of a closing mail opens: the receipt, and whether its check code can be shown still. */
export interface Linked {
  readonly request: Request & { readonly receipt: string }
  readonly codeLeft: boolean
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const SPENT_MS = 40 * 86_400_000 // that it was shown is known for longer than a check code is kept

/**
 * The erasure whose closing mail had this link: whoever was erased has no account to sign in to, and may never have had the
 * request's secret. Changes nothing; the look is entered first. Throws AppError not-found `request-unknown`.
 */
export async function byReceiptLink(deps: LinkDeps, id: string, token: string): Promise<Linked> {
  const request = UUID.test(id) ? await findRequest(deps.db, id) : undefined
  const right = same(Buffer.from(receiptToken(askingKeys(deps.keyring.tokenKey), id)), Buffer.from(token))
  if (request?.receipt === undefined || !right) throw requestUnknown()
  await enter(deps, id)
  const { rows } = await deps.db.$client.query('select from weir.request_token where token_hash = $1', [onceOf(id)])
  const salt = await readContent(deps.db, deps.keyring, id, 'salt')
  return { request: { ...request, receipt: request.receipt }, codeLeft: rows.length === 0 && salt !== undefined }
}

/** The receipt with its check code: to the link once, so that a mailbox read later gives no more than the receipt. */
export async function takeCheckCode(
  deps: LinkDeps,
  id: string,
  token: string,
): Promise<{ readonly receipt: string; readonly salt: string | undefined }> {
  const { request, codeLeft } = await byReceiptLink(deps, id, token)
  const { receipt } = request
  const salt = codeLeft ? await readContent(deps.db, deps.keyring, id, 'salt') : undefined
  if (salt === undefined) return { receipt, salt }
  try {
    await useOnce(deps.db, { once: onceOf(id), expiresAt: deps.now() + SPENT_MS })
  } catch (error) {
    if (error instanceof AppError) return { receipt, salt: undefined } // somebody pressed at the same moment
    throw error
  }
  return { receipt, salt }
}

function onceOf(id: string): Buffer {
  return hashOfSecret(`check code ${id}`)
}

async function enter({ db, keyring, audit }: LinkDeps, id: string): Promise<void> {
  await withActiveEpoch(keyring, async () => {
    const about = (await subjectsOf(db, id)).map((subject) => ({ subject }))
    const more = { by: 'person' }
    await audit.append({
      actor: 'weir',
      action: 'request.read',
      resource: `request:${id}`,
      purpose: 'own-state',
      about,
      more,
    })
  })
}
