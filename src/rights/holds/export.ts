import { createHash, randomUUID } from 'node:crypto'
import { canonicalJson } from '../../audit/jcs.ts'
import type { Tx } from '../../db/pool.ts'
import { transaction } from '../../db/transaction.ts'
import { AppError } from '../../errors.ts'
import type { JsonObject } from '../../event/event.ts'
import type { By } from '../../http/audit-api.ts'
import type { ShownFactor } from '../../http/disclosures-api.ts'
import { withActiveEpoch } from '../../keys/subject-keys.ts'
import { verifyApproval } from '../../officers/approve.ts'
import { ownKey } from '../own-key.ts'
import { lockHold } from '../statutory/hold-rows.ts'
import { openRecords, remainderId } from '../statutory/keep.ts'
import { asStatutory } from '../statutory/rows.ts'
import { actorOf, type HoldDeps, lockActive } from './deps.ts'
import { orEnter } from './release.ts'

const ANSWER_MS = 7 * 86_400_000
const USE_MS = 86_400_000

interface ExportRow {
  readonly id: string
  readonly case_id: string
  readonly asked_by: string
  readonly asked_at: Date
  readonly approved_by: string | null
  readonly approved_at: Date | null
  readonly used_at: Date | null
}

const COLUMNS = 'export_id as id, case_id, asked_by, asked_at, approved_by, approved_at, used_at'

/** What a second officer signs: this export of this hold, at this word. SHA-256, 32 bytes. */
function challengeOf(hold: string, { id, case_id: caseId, asked_by: askedBy, asked_at: at }: ExportRow): Buffer {
  const said = { v: 1, act: 'hold.export', hold, export: id, caseId, askedBy, askedAt: at.toISOString() }
  return createHash('sha256').update(canonicalJson(said), 'utf8').digest()
}

/** The first of two asks that what a hold kept is handed to its authority. Throws AppError not-found, conflict `hold-over`. */
export async function askExport(
  deps: HoldDeps,
  by: By,
  { id, caseId }: { readonly id: string; readonly caseId: string },
): Promise<void> {
  await orEnter(deps, by, { id, caseId, action: 'hold.ask-export' }, async (tx) => {
    await lockActive(tx, id, deps.now())
    const made = randomUUID()
    await asStatutory(tx, () =>
      tx.$client.query(
        'insert into statutory.hold_export (export_id, hold_id, case_id, asked_by, asked_at) values ($1, $2, $3, $4, $5)',
        [made, id, caseId, actorOf(by), new Date(deps.now())],
      ),
    )
    return { export: made }
  })
}

export interface ExportApproval {
  readonly officer: string
  readonly id: string
  readonly exportId: string
  readonly shown: ShownFactor
}

/**
 * The second of two approves it, with a second factor over what was asked: the operator then has a day, once. Throws
 * AppError not-found, conflict `hold-over`, `export-not-asked`, forbidden `own-request`, `factor-missing`…
 */
export async function approveExport(deps: HoldDeps, { officer, id, exportId, shown }: ExportApproval): Promise<void> {
  const by = { kind: 'officer', id: officer }
  await orEnter(deps, by, { id, action: 'hold.approve-export' }, async (tx) => {
    await lockActive(tx, id, deps.now())
    const asked = (await exportsOf(tx, id)).find((one) => one.id === exportId)
    const waits = asked !== undefined && asked.approved_at === null && asked.asked_at.getTime() + ANSWER_MS > deps.now()
    if (!waits) throw new AppError('conflict', 'Nobody asks for it, or not any more.', { code: 'export-not-asked' })
    if (asked.asked_by === actorOf(by)) {
      throw new AppError('forbidden', 'You asked for it: another officer approves.', { code: 'own-request' })
    }
    if (shown === undefined || deps.officers === undefined) {
      throw new AppError('forbidden', 'Show a second factor: assertion, or totp where you have no authenticator.', {
        code: 'factor-missing',
      })
    }
    const challenge = challengeOf(id, asked)
    const evidence = await verifyApproval(deps.officers, tx, { officer, challenge, ...shown })
    await asStatutory(tx, () =>
      tx.$client.query('update statutory.hold_export set approved_by = $2, approved_at = $3 where export_id = $1', [
        exportId,
        actorOf(by),
        new Date(deps.now()),
      ]),
    )
    const request = challenge.toString('base64url')
    return { export: exportId, askedBy: asked.asked_by, request, evidence: { ...evidence } as unknown as JsonObject }
  })
}

/** What is handed over: the records of a hold, opened. The authority knows whose they are by its own file's number. */
export interface Exported {
  readonly authority: string
  readonly reference: string
  readonly records: readonly JsonObject[]
}

/**
 * Opens what a hold kept, once for an approved export. The entry is in the audit log before anything is opened. Throws
 * AppError not-found, conflict `hold-over`, `export-not-approved`.
 */
export async function exportHold(deps: HoldDeps, by: By, id: string): Promise<Exported> {
  await orEnter(deps, by, { id, action: 'hold.export' }, async (tx) => {
    await lockActive(tx, id, deps.now())
    const approved = (await exportsOf(tx, id)).find((one) => isUsable(one, deps.now()))
    if (approved === undefined) {
      throw new AppError('conflict', 'Two officers have to agree first, within the last day.', {
        code: 'export-not-approved',
      })
    }
    await asStatutory(tx, () =>
      tx.$client.query('update statutory.hold_export set used_at = $2 where export_id = $1', [
        approved.id,
        new Date(deps.now()),
      ]),
    )
    return { export: approved.id, askedBy: approved.asked_by, approvedBy: approved.approved_by ?? '' }
  })
  return withActiveEpoch(deps.keyring, () => transaction(deps.db, (tx) => openAll(tx, deps, id)))
}

async function openAll(tx: Tx, { keyring }: HoldDeps, id: string): Promise<Exported> {
  const hold = await asStatutory(tx, () => lockHold(tx, id))
  const remainder = remainderId('hold', id)
  const keys = await ownKey(tx, keyring, remainder)
  const records = keys === undefined ? [] : await openRecords(tx, keys, remainder)
  return {
    authority: hold?.authority ?? '',
    reference: hold?.reference ?? '',
    records: records.map(({ event, at, class: name, fields }) => ({
      event,
      at: new Date(at).toISOString(),
      class: name,
      fields,
    })),
  }
}

function isUsable({ approved_at: approvedAt, used_at: usedAt }: ExportRow, now: number): boolean {
  return approvedAt !== null && usedAt === null && approvedAt.getTime() + USE_MS > now
}

async function exportsOf(tx: Tx, id: string): Promise<ExportRow[]> {
  const { rows } = await asStatutory(tx, () =>
    tx.$client.query<ExportRow>(
      `select ${COLUMNS} from statutory.hold_export where hold_id = $1 order by asked_at, export_id for update`,
      [id],
    ),
  )
  return rows
}

/** Exports of a hold, oldest first, with what a second officer signs where one waits. */
export async function exportViews(tx: Tx, id: string, now: number): Promise<JsonObject[]> {
  return (await exportsOf(tx, id)).map((one) => ({
    id: one.id,
    caseId: one.case_id,
    askedBy: one.asked_by,
    askedAt: one.asked_at.toISOString(),
    approvedBy: one.approved_by,
    approvedAt: one.approved_at?.toISOString() ?? null,
    usedAt: one.used_at?.toISOString() ?? null,
    challenge:
      one.approved_at === null && one.asked_at.getTime() + ANSWER_MS > now
        ? challengeOf(id, one).toString('base64url')
        : null,
  }))
}
