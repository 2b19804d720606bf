import { int2Array, int4Array, textArray } from '../db/binary-array.ts'
import { type IndexKeys, type IndexVersion, indexVersions } from '../identity/index-versions.ts'
import { IDENTIFIER_TYPES, type IdentifierType, type Rules } from '../identity/normalise.ts'

/** Under what every identifier of a type is to stand. */
export type Wanted = ReadonlyMap<IdentifierType, readonly IndexVersion[]>

/** The active root with each version of the rules that is read. */
export function wantedVersions(keyring: IndexKeys, rules: Rules): Wanted {
  const { kid } = keyring.index.active
  const ofType = (type: IdentifierType): IndexVersion[] =>
    indexVersions(keyring, type, rules).filter((version) => version.kid === kid)
  return new Map(IDENTIFIER_TYPES.map((type) => [type, ofType(type)]))
}

/** As three parameters: types, roots, versions of the rules. */
export function wantedArrays(wanted: Wanted): Buffer[] {
  const all = [...wanted].flatMap(([type, versions]) => versions.map((version) => ({ type, version })))
  return [
    textArray(all.map(({ type }) => type)),
    int4Array(all.map(({ version }) => version.kid)),
    int2Array(all.map(({ version }) => version.rule.version)),
  ]
}

/** SQL: whether row `i` lacks a version of unnest($1, $2, $3) under which its identifier is to stand. */
export const MISSING = `exists (select from unnest($1::text[], $2::integer[], $3::smallint[]) as w(type, kid, norm)
  where w.type = i.type and not exists (select from weir.identifier s where s.subject_id = i.subject_id
    and s.identifier_id = i.identifier_id and s.index_version = w.kid and s.norm_version = w.norm))`
