import type { Db } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import type { JsonObject } from '../event/event.ts'
import { addLines } from './checkpoint.ts'
import { decisionHash, decisionRecord, groupRoot, splitHashes } from './decisions.ts'
import { bodyOf, ENTRY_COLUMNS, type EntryRow } from './entry.ts'
import { readShards, type Shard, type StoredNote, storedReader } from './stored-tree.ts'
import { formatTlogProof } from './tlog-proof.ts'
import { inclusionProof, leafHash, memoryReader } from './tree.ts'

/**
 * The receipt of an entry (C2SP tlog-proof@v1): its body, its place and the newest signed checkpoint with what witnesses
 * said of it. Whoever has it and the log's key can check it without us. Throws AppError not-found, or conflict for an
 * entry that no signature covers yet.
 */
export async function proveEntry(db: Db, index: bigint): Promise<string> {
  const shard = (await readShards(db)).findLast((one) => one.firstIndex <= index)
  const row = shard && (await readEntry(db, shard, index))
  if (shard === undefined || row === undefined) throw new AppError('not-found', 'the log has no entry of this index')
  const leaf = index - shard.firstIndex
  const signed = await noteOver(db, shard, leaf)
  const proof = await inclusionProof(leaf, signed.size, storedReader(db, shard, signed.size))
  return formatTlogProof({ index: leaf, proof, note: signed.note, extra: bodyOf(row) })
}

async function readEntry(db: Db, { shard }: Shard, index: bigint): Promise<EntryRow | undefined> {
  const { rows } = await db.$client.query<EntryRow>(
    `select ${ENTRY_COLUMNS} from weir.audit_entry where shard = $1 and index = $2`,
    [shard, index],
  )
  return rows[0]
}

/** The newest checkpoint that a witness has seen, where it covers the entry; else the newest signed one. */
async function noteOver(db: Db, { shard }: Shard, leaf: bigint): Promise<StoredNote> {
  const { rows } = await db.$client.query<StoredNote & { lines: string[] | null }>(
    `select s.size, s.note, (select array_agg(c.line order by c.witness) from weir.audit_cosignature c
       where c.shard = s.shard and c.size = s.size) as lines
     from weir.audit_signature s where s.shard = $1 and s.size = coalesce(
       (select max(c.size) from weir.audit_cosignature c where c.shard = $1 and c.size > $2),
       (select max(n.size) from weir.audit_signature n where n.shard = $1 and n.size > $2))`,
    [shard, leaf],
  )
  const found = rows[0]
  if (found === undefined) throw new AppError('conflict', 'no signature covers this entry yet: ask again in a second')
  return { size: found.size, note: addLines(found.note, found.lines ?? []) }
}

interface DecisionRow {
  pos: bigint
  policy_version: number
  source_id: number
  event_key: Buffer
  event_type: number
  routes: number
  granted: number
  refused: number
  narrowed: number
  consent_epoch: number
  user_epoch: number
  consent_ref: Buffer | null
  removed: Buffer
  unclassified: number
  salt: Buffer | null
}

/**
 * Proves what was decided for one event, by its position in the log: record and salt hash to a leaf of its group's tree,
 * and the root of that tree stands in an entry that the receipt proves. Throws AppError not-found where the decision was
 * erased, or is older than this log.
 */
export async function proveDecision(db: Db, pos: bigint): Promise<JsonObject> {
  const { rows } = await db.$client.query<DecisionRow>(
    `select pos, policy_version, source_id, event_key, event_type, routes, granted, refused, narrowed, consent_epoch,
       user_epoch, consent_ref, removed, unclassified, salt
     from weir.event_log where pos = $1 and kind = 0`,
    [pos],
  )
  const row = rows[0]
  const group = await groupOf(db, pos)
  if (row?.salt == null || group === undefined) {
    throw new AppError('not-found', 'this decision cannot be proved: it was erased, or made before there was a tree')
  }
  const record = Buffer.from(decisionRecord(fieldsOf(row)))
  const hashes = splitHashes(group.hashes)
  const own = decisionHash(row.salt, record)
  const at = hashes.findIndex((one) => one.equals(own))
  if (at === -1) throw new AppError('conflict', 'the log row is not the one that was decided: run weir audit verify')
  const leaves = hashes.map(leafHash)
  const path = await inclusionProof(BigInt(at), BigInt(leaves.length), memoryReader(leaves))
  return {
    record: record.toString('base64'),
    salt: row.salt.toString('base64'),
    leaf: at,
    leaves: leaves.length,
    path: path.map((hash) => hash.toString('base64')),
    root: groupRoot(hashes).toString('base64'),
    entry: Number(group.index),
    receipt: await proveEntry(db, group.index),
  }
}

async function groupOf(db: Db, pos: bigint): Promise<{ index: bigint; hashes: Buffer } | undefined> {
  const { rows } = await db.$client.query<{ index: bigint; hashes: Buffer }>(
    `select index, hashes from weir.audit_entry where decided_from is not null and decided_from <= $1
     order by decided_from desc limit 1`,
    [pos],
  )
  return rows[0]
}

function fieldsOf(row: DecisionRow): Parameters<typeof decisionRecord>[0] {
  return {
    policyVersion: row.policy_version,
    sourceId: row.source_id,
    eventKey: row.event_key,
    eventType: row.event_type,
    routes: row.routes,
    granted: row.granted,
    refused: row.refused,
    narrowed: row.narrowed,
    consentEpoch: row.consent_epoch,
    userEpoch: row.user_epoch,
    consentRef: row.consent_ref,
    removed: row.removed,
    unclassified: row.unclassified,
  }
}
