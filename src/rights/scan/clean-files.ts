import type { Db } from '../../db/pool.ts'

/** Tables with rows of Weir's own, and those in which the planner and the server keep values of theirs. */
const TABLES = `select format('%I.%I', n.nspname, c.relname) as name
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'm') and n.nspname not in ('information_schema', 'pg_catalog') and n.nspname !~ '^pg_(toast|temp)'
    or c.oid = 'pg_catalog.pg_statistic'::regclass
  order by 1`

export interface CleanOptions {
  readonly progress?: (done: number, of: number) => void
  readonly signal?: AbortSignal
}

/** VACUUM of every table, so that dead rows give their place back; ANALYZE, so that the planner forgets them. As superuser. */
export async function vacuumAll(superuser: Db, { progress, signal }: CleanOptions = {}): Promise<void> {
  const { rows } = await superuser.$client.query<{ name: string }>(TABLES)
  for (const [i, { name }] of rows.entries()) {
    signal?.throwIfAborted()
    await superuser.$client.query(`vacuum (analyze, index_cleanup on) ${name}`)
    progress?.(i + 1, rows.length)
  }
}

/** Rewrites tables with their indexes into new files; each is locked for as long. As superuser. */
export async function rewrite(superuser: Db, tables: readonly string[]): Promise<void> {
  for (const name of tables) await superuser.$client.query(`vacuum (full, analyze) ${name}`)
  // A rewrite leaves the old rows of the catalogues behind, the statistics' among them.
  await superuser.$client.query('vacuum (full) pg_catalog.pg_statistic')
}

/**
 * Writes over every file of the write-ahead log: Postgres keeps the files of old log to use again, with what is in them.
 * A switch fills the rest of the file with zeros; after as many as there are files, none has anything from before.
 */
export async function recycleWal(superuser: Db, { signal }: CleanOptions = {}): Promise<void> {
  const query = (text: string): Promise<{ rows: { n: number }[] }> => superuser.$client.query<{ n: number }>(text)
  await query('checkpoint') // from here on nothing older is needed to recover; its files wait to be used again
  const { rows } = await query('select count(*)::integer as n from pg_ls_waldir()')
  for (let i = 0; i <= rows[0]!.n; i++) {
    signal?.throwIfAborted()
    await query(`select pg_logical_emit_message(false, 'weir', 'recycle')`) // a file in which nothing was written is not switched
    await query('select pg_switch_wal()')
  }
  await query('checkpoint')
}

/** The table that a file of the cluster belongs to (an index's or a toast's is its table's); undefined for none of this database. */
export async function tableOfFile(superuser: Db, path: string): Promise<string | undefined> {
  const found = /\/base\/(\d+)\/(\d+)(?:_fsm|_vm)?(?:\.\d+)?$/.exec(path)
  if (found === null) return undefined
  const { rows } = await superuser.$client.query<{ name: string }>(
    `with file as (select oid from pg_class where pg_relation_filenode(oid) = $2::oid),
       owner as (
         select coalesce(i.indrelid, f.oid) as oid from file f left join pg_index i on i.indexrelid = f.oid)
     select format('%I.%I', n.nspname, c.relname) as name
     from owner o join pg_class c on c.oid = coalesce((select t.oid from pg_class t where t.reltoastrelid = o.oid), o.oid)
       join pg_namespace n on n.oid = c.relnamespace
     where (select oid from pg_database where datname = current_database()) = $1::oid`,
    [found[1], found[2]],
  )
  return rows[0]?.name
}
