import { createHash, randomUUID } from 'node:crypto'
import { CompactSign } from 'jose'
import { appendEntries } from '../../audit/log.ts'
import { parseNote } from '../../audit/note.ts'
import { proveEntry } from '../../audit/prove-entry.ts'
import { parseTlogProof } from '../../audit/tlog-proof.ts'
import { leafHash } from '../../audit/tree.ts'
import { recipientStates } from '../../destinations/outbox.ts'
import { AppError } from '../../errors.ts'
import { needContent } from '../content.ts'
import type { RightsDeps } from '../deps.ts'
import {
  commitmentOf,
  countBucket,
  type FilesScan,
  loggedDigest,
  RECEIPT_TYPE,
  type ReceiptClaims,
  type ReceiptDestination,
  type ReceiptLog,
  type ReceiptModel,
  type ReceiptScan,
} from '../receipt-claims.ts'
import { receiptKey } from '../receipt-key.ts'
import type { Request } from '../request.ts'

/** What was looked at after the rows had gone. */
export interface Checked {
  readonly scan: ReceiptScan
  readonly filesScan: FilesScan
  /** How many sealed rows from before were tried; none opened. */
  readonly sampled: number
  readonly models: readonly ReceiptModel[]
}

/**
 * The receipt of an erasure: signed claims (RFC 7515, EdDSA) over an entry of the audit log that has their digest, with the
 * proof that the log has it. It names nobody; only who has the salt can show whose it is. Throws AppError `audit-behind`
 * where the entry was not taken into the tree in time: ask again.
 */
export async function issueReceipt(deps: RightsDeps, request: Request, checked: Checked): Promise<string> {
  const claims = await claimsOf(deps, request, checked)
  const log = await logged(deps, claims)
  return signReceipt(deps, { ...claims, log })
}

/**
 * The receipt of an erasure anew, with what is known by now: how far its recipients are, and when the files of the database
 * were looked through. It names the one before. Undefined where there is none to go on from.
 */
export async function reissueReceipt(
  deps: RightsDeps,
  request: Request,
  { filesScan }: { readonly filesScan?: FilesScan },
): Promise<string | undefined> {
  if (request.receipt === undefined) return undefined
  const [, payload = ''] = request.receipt.split('.')
  const { log: _, ...before } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as ReceiptClaims
  const claims = {
    ...before,
    jti: randomUUID(),
    iat: Math.floor(deps.now() / 1000),
    destinations: await destinationsOf(deps, request.id),
    files_scan: filesScan ?? before.files_scan,
    prev: createHash('sha256').update(request.receipt).digest('base64url'),
  }
  const receipt = await signReceipt(deps, { ...claims, log: await logged(deps, claims) })
  await deps.db.$client.query('update weir.request set receipt = $2 where request_id = $1', [request.id, receipt])
  return receipt
}

async function destinationsOf({ db }: RightsDeps, id: string): Promise<ReceiptDestination[]> {
  const states = await recipientStates(db, id)
  return states.map(({ destination, protocol, state, ackSha256 }) => ({
    id: destination,
    protocol,
    state,
    ...(ackSha256 === undefined ? {} : { ack_sha256: ackSha256 }),
  }))
}

async function signReceipt({ keyring }: RightsDeps, claims: ReceiptClaims): Promise<string> {
  const { kid, privateKey } = receiptKey(keyring)
  return new CompactSign(Buffer.from(JSON.stringify(claims), 'utf8'))
    .setProtectedHeader({ alg: 'EdDSA', typ: RECEIPT_TYPE, kid })
    .sign(privateKey)
}

async function claimsOf(deps: RightsDeps, request: Request, checked: Checked): Promise<Omit<ReceiptClaims, 'log'>> {
  const { db, keyring, publicUrl, active } = deps
  const { id, receipt } = request
  const now = deps.now()
  const salt = await needContent(db, keyring, id, 'salt')
  const identifiers = await needContent(db, keyring, id, 'identifiers')
  const commitments = identifiers.map(({ value }) => commitmentOf(salt, value)).sort()
  const removed = await needContent(db, keyring, id, 'removed')
  const manifest = await needContent(db, keyring, id, 'manifest')
  return {
    iss: publicUrl,
    jti: randomUUID(),
    iat: Math.floor(now / 1000),
    request_id: id,
    regime: request.regime,
    right: request.right,
    received_at: new Date(request.receivedAt).toISOString(),
    completed_at: new Date(now).toISOString(),
    verified_by: request.verifiedBy ?? 'operator',
    subject_commitment: commitments,
    actions: removed
      .filter(({ rows }) => rows > 0)
      .map(({ store, rows, action }) => ({ store, class: 'any', action, count_bucket: countBucket(rows) })),
    retained: manifest.map(({ class: name, ground, until }) => ({ class: name, ground, until })),
    destinations: await destinationsOf(deps, id),
    models: checked.models,
    horizon: await deps.horizon(),
    backups_expire_at: new Date(now + active().compiled.keys.backupDays * DAY_MS).toISOString(),
    scan: checked.scan,
    files_scan: checked.filesScan,
    sample: { tried: checked.sampled, opened: 0 },
    prev: receipt === undefined ? null : createHash('sha256').update(receipt).digest('base64url'),
  }
}

const DAY_MS = 86_400_000

/** Enters the digest of the claims in the audit log, and says where the log has it. */
async function logged(deps: RightsDeps, claims: Omit<ReceiptClaims, 'log'>): Promise<ReceiptLog> {
  const { records } = await appendEntries(deps.db, [
    {
      actor: 'weir',
      action: 'receipt.issue',
      resource: `request:${claims.request_id}`,
      purpose: 'rights',
      outcome: 'done',
      more: { receipt_sha256: loggedDigest(claims), jti: claims.jti },
    },
  ])
  const record = records[0]!
  await deps.sequencer.sequenced(record)
  const { rows } = await deps.db.$client.query<{ index: bigint }>(
    'select index from weir.audit_entry where record_id = $1',
    [record],
  )
  if (rows[0] === undefined)
    throw new AppError('overloaded', 'the log has not taken the entry in yet', { retryAfter: 1 })
  const proof = await proveEntry(deps.db, rows[0].index)
  const { index, note, extra } = parseTlogProof(proof)
  const [origin = ''] = parseNote(note).text.split('\n')
  return { origin, index: Number(index), leaf: leafHash(extra!).toString('base64'), checkpoint: note, proof }
}
