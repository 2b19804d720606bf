import { createHmac, type KeyObject } from 'node:crypto'
import { byteaArray } from '../db/binary-array.ts'
import type { Db, Tx } from '../db/pool.ts'
import { lpConcat, TENANT } from '../protect/layouts.ts'
import { DEFAULT_RULES, type IdentifierType, type Rules } from './normalise.ts'

/** What remains of an erased identifier. */
export interface Tombstone {
  readonly type: IdentifierType
  readonly given: string
}

/**
 * HMAC-SHA-256(tombstone key, LP("gw/v1/tmb") ‖ LP(tenant) ‖ LP(type) ‖ LP(normal form))[:16], one for each version of the
 * rules. The key is used for nothing else, so that it leads to no index and to no pseudonym.
 */
export function tombstonesOf(key: KeyObject, { type, given }: Tombstone, rules: Rules = DEFAULT_RULES): Buffer[] {
  const forms = rules[type].flatMap((rule) => {
    const normalised = rule.normalise(given)
    return normalised.ok ? [normalised.value] : []
  })
  return [...new Set(forms)].map((form) =>
    createHmac('sha256', key)
      .update(lpConcat('gw/v1/tmb', TENANT, type, form))
      .digest()
      .subarray(0, 16),
  )
}

/**
 * When each of these was erased last, in milliseconds since 1970: what its person did until then does not bring them back,
 * what they do later may. -Infinity for who never was.
 */
export async function readTombstones(
  db: Db | Tx,
  key: KeyObject,
  wanted: readonly Tombstone[],
): Promise<(one: Tombstone) => number> {
  const byOne = new Map(wanted.map((one) => [one, tombstonesOf(key, one)]))
  const { rows } = await db.$client.query<{ tombstone: Buffer; erased_at: Date }>({
    name: 'tombstones',
    text: 'select tombstone, erased_at from weir.tombstone where tombstone = any((select $1::bytea[])::bytea[])',
    values: [byteaArray([...byOne.values()].flat())],
  })
  const at = new Map(rows.map((row) => [row.tombstone.toString('latin1'), row.erased_at.getTime()]))
  return (one) =>
    Math.max(...(byOne.get(one) ?? []).map((tomb) => at.get(tomb.toString('latin1')) ?? -Infinity), -Infinity)
}
