import type { Db, Tx } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import { hashOfSecret, same } from './asking-keys.ts'
import type { Request } from './request.ts'
import { findRequest, lockRequest } from './rows.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const NOBODY = Buffer.alloc(32)

/** A wrong secret and an unknown number are one answer. */
export function requestUnknown(): AppError {
  return new AppError('not-found', 'No request has this number and this secret.', { code: 'request-unknown' })
}

/** The request whose secret this is. Throws AppError not-found `request-unknown`. */
export async function bySecret(db: Db | Tx, id: string, secret: string | undefined): Promise<Request> {
  const request = await known(db, id)
  const right = same(hashOfSecret(secret ?? ''), request?.secretHash ?? NOBODY)
  if (request === undefined || !right) throw requestUnknown()
  return request
}

/** The request of this number, locked, whatever was shown for it. Throws AppError not-found `request-unknown`. */
export async function lockKnown(tx: Tx, id: string): Promise<Request> {
  if ((await known(tx, id)) === undefined) throw requestUnknown()
  return lockRequest(tx, id)
}

async function known(db: Db | Tx, id: string): Promise<Request | undefined> {
  return UUID.test(id) ? findRequest(db, id) : undefined
}

/** In a state that what was asked for does not lead from. */
export function notNow(): AppError {
  return new AppError('conflict', 'The request is in a state in which this cannot be done.', { code: 'request-state' })
}
