import type { Db, Tx } from '../db/pool.ts'
import type { SubjectId } from '../event/ids.ts'
import { DEFAULT_RULES, type IdentifierType } from '../identity/normalise.ts'
import type { ReindexDeps } from './reindex.ts'
import { MISSING, wantedArrays, wantedVersions } from './wanted-index.ts'

/** The rows of one version of the index. */
export interface VersionRows {
  readonly type: IdentifierType
  /** Number of the index root. */
  readonly kid: number
  /** Version of the rules. */
  readonly normVersion: number
  /** `current`: what is written; `readable`: found, until its root is destroyed or its rules closed; `unread`: to be dropped. */
  readonly state: 'current' | 'readable' | 'unread'
  readonly rows: number
  /** Of them, those whose identifier lacks a current version: what reindex would write. */
  readonly missing: number
  readonly conflicts: number
}

export interface ReindexPlan {
  readonly versions: readonly VersionRows[]
  readonly missing: number
  readonly conflicts: number
  /** Rows that nobody reads any more. */
  readonly unread: number
}

/** What reindex would do now. Reads the whole table once. */
export async function planReindex({ db, keyring, rules = DEFAULT_RULES }: ReindexDeps): Promise<ReindexPlan> {
  await keyring.refresh()
  const wanted = wantedVersions(keyring, rules)
  const { rows } = await db.$client.query<Omit<VersionRows, 'state'> & { readable: boolean }>(
    `select i.type, i.index_version as kid, i.norm_version as "normVersion", count(*)::integer as rows,
       count(*) filter (where ${MISSING})::integer as missing,
       (count(distinct i.identifier_id) filter (where i.conflict_with is not null))::integer as conflicts,
       bool_or(${READABLE}) as readable
     from weir.identifier i group by 1, 2, 3 order by 1, 2, 3`,
    wantedArrays(wanted),
  )
  const versions = rows.map(({ readable, ...row }): VersionRows => {
    const current = wanted.get(row.type)?.some((one) => one.kid === row.kid && one.rule.version === row.normVersion)
    return { ...row, state: current === true ? 'current' : readable ? 'readable' : 'unread' }
  })
  const sum = (count: (row: VersionRows) => number): number => versions.reduce((total, row) => total + count(row), 0)
  return {
    versions,
    missing: sum((row) => row.missing),
    conflicts: await countConflicts(db),
    unread: sum((row) => (row.state === 'unread' ? row.rows : 0)),
  }
}

/** SQL: whether row `i` is under a root and rules that are read. */
export const READABLE = `(exists (select from weir.key k where k.class = 'index' and k.kid = i.index_version
    and k.state in ('active', 'decrypt-only'))
  and not exists (select from weir.closed_normalisation c where c.type = i.type and c.norm_version = i.norm_version))`

async function countConflicts(db: Db): Promise<number> {
  const { rows } = await db.$client.query<{ n: number }>(
    'select count(distinct (subject_id, identifier_id))::integer as n from weir.identifier where conflict_with is not null',
  )
  return rows[0]!.n
}

/** Two people whose identifiers are one under the new rules. */
export interface Conflict {
  readonly type: IdentifierType
  /** Found by the older rules alone. */
  readonly subject: SubjectId
  /** Found by the newer rules too. */
  readonly holder: SubjectId
}

/** What a person has to decide, by subject ids alone; at most `limit`. */
export async function listConflicts(db: Db, limit: number): Promise<Conflict[]> {
  const { rows } = await db.$client.query<Conflict>(
    `select distinct type, subject_id as subject, conflict_with as holder from weir.identifier
     where conflict_with is not null order by type, subject_id limit $1`,
    [limit],
  )
  return rows
}

/** How many identifiers stand under roots other than the active one alone: who destroys those loses them. */
export async function countToReindex(db: Db | Tx): Promise<number> {
  const { rows } = await db.$client.query<{ n: number }>(
    `select count(distinct (i.subject_id, i.identifier_id))::integer as n from weir.identifier i
     where i.index_version <> (select kid from weir.key where class = 'index' and state = 'active')
       and not exists (select from weir.identifier s join weir.key k on k.class = 'index' and k.state = 'active'
         where s.subject_id = i.subject_id and s.identifier_id = i.identifier_id and s.index_version = k.kid)`,
  )
  return rows[0]!.n
}
