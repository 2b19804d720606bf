import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type pg from 'pg'
import type { Tx } from '../../src/db/pool.ts'
import type { Delivered } from '../../src/event/event.ts'
import type { Purpose } from '../../src/event/purpose.ts'
import type { Module } from '../../src/modules/module.ts'

/** One event as a module was handed it, with when: a number of the database's own sequence. */
export interface Handed {
  readonly seq: bigint
  readonly event: Delivered
}

/** A module that keeps what it is handed, in memory and in a table of its own, and fails where it is told to. */
export interface RecordingModule {
  readonly module: Module
  readonly handed: Handed[]
  readonly relinks: { from: string; to: string }[]
  readonly erased: string[]
  /** Asked for each event before it is taken. */
  failOn: ((event: Delivered) => boolean) | undefined
  /** Awaited inside handle(), before it returns: for tests that need to be in the middle of a batch. */
  during: ((tx: Tx) => Promise<void>) | undefined
  /** Role, schema and tables: give it to createTestApp as `prepare`. */
  readonly prepare: (superuser: pg.Client) => Promise<void>
}

export function recordingModule(name: string, purpose: Purpose): RecordingModule {
  const handed: Handed[] = []
  const relinks: { from: string; to: string }[] = []
  const erased: string[] = []
  const self: RecordingModule = {
    handed,
    relinks,
    erased,
    failOn: undefined,
    during: undefined,
    prepare: (superuser) => prepare(superuser, name),
    module: {
      name,
      purpose,
      async handle(tx, batch) {
        const { rows } = await tx.$client.query<{ seq: bigint }>(
          `select nextval('${name}.moment') as seq from generate_series(1, $1::integer)`,
          [batch.length],
        )
        batch.forEach((event, i) => {
          handed.push({ seq: rows[i]!.seq, event })
        })
        if (batch.some((event) => self.failOn?.(event) ?? false)) throw new Error('this module cannot take that')
        await tx.$client.query(
          `insert into ${name}.taken (subject, event_key, at, fields)
           select * from unnest($1::text[], $2::text[], $3::text[], $4::jsonb[]) on conflict do nothing`,
          [
            batch.map((e) => e.subject),
            batch.map((e) => e.eventKey),
            batch.map((e) => e.at),
            batch.map((e) => JSON.stringify(e.fields)),
          ],
        )
        await self.during?.(tx)
      },
      async relink(_tx, from, to) {
        relinks.push({ from, to })
      },
      async erase(tx, subject) {
        erased.push(subject)
        const { rowCount } = await tx.$client.query(`delete from ${name}.taken where subject = $1`, [subject])
        return { taken: rowCount ?? 0 }
      },
      async holds(tx, subject) {
        const { rows } = await tx.$client.query<{ n: number }>(
          `select count(*)::int as n from ${name}.taken where subject = $1`,
          [subject],
        )
        return { taken: rows[0]!.n }
      },
      keeps: [],
      expire: () => Promise.resolve({ rows: {}, next: undefined }),
      async clear(tx) {
        await tx.$client.query(`delete from ${name}.taken`)
      },
      digest: () => Promise.resolve('none'),
    },
  }
  return self
}

/** Roles are of the whole cluster, which other test files use at the same time. */
async function prepare(superuser: pg.Client, name: string): Promise<void> {
  await superuser.query(`do $$ begin
    if not exists (select from pg_roles where rolname = 'weir_${name}') then
      create role weir_${name} noinherit nologin;
    end if;
  exception when duplicate_object or unique_violation then null;
  end $$`)
  await superuser.query(`do $$ begin grant weir_${name} to weir_app; exception when others then
    if not pg_has_role('weir_app', 'weir_${name}', 'member') then raise; end if;
  end $$`)
  await superuser.query(`create schema ${name}`)
  await superuser.query(`create table ${name}.taken (subject text not null, event_key text not null, at text not null,
    fields jsonb not null, primary key (subject, event_key))`)
  await superuser.query(`create sequence ${name}.moment`)
  await superuser.query(`grant usage on schema ${name} to weir_${name}, weir_app, weir_owner`)
  await superuser.query(`grant select, insert, delete on ${name}.taken to weir_${name}`)
  await superuser.query(`grant select on ${name}.taken to weir_app, weir_owner`)
  await superuser.query(`grant usage on sequence ${name}.moment to weir_${name}, weir_owner, weir_app`)
}

/** A module as it is, with a record of what it was handed under the other's sequence. */
export function recorded(module: Module, by: string, handed: Handed[]): Module {
  return {
    ...module,
    async handle(tx, batch) {
      await tx.$client.query('reset role') // the sequence is the other module's
      const { rows } = await tx.$client.query<{ seq: bigint }>(`select nextval('${by}.moment') as seq`)
      await tx.$client.query(`set local role weir_${module.name}`)
      for (const event of batch) handed.push({ seq: rows[0]!.seq, event })
      await module.handle(tx, batch)
    },
  }
}

const SHOP_POLICY = join(import.meta.dirname, '..', '..', 'policies', 'shop.policy.yaml')

/** A folder with the shop's policy, changed; for the tests that need another destination or another law. */
export async function policyWith(change: (text: string) => string): Promise<string> {
  const text = await readFile(SHOP_POLICY, 'utf8')
  const changed = change(text)
  if (changed === text) throw new Error('the policy was not changed: its text is not the one that this test knows')
  const folder = await mkdtemp(join(tmpdir(), 'weir-policy-'))
  await writeFile(join(folder, 'shop.policy.yaml'), changed)
  return folder
}

/** The shop's policy without its own module of attribution, for tests that put another in its place. */
export function withoutAttribution(text: string): string {
  return text
    .replace(/^( +)attribution:\n\1 {2}(?:kind: module|purpose: attribution)\n(?:\1 {2}.*\n)*/gm, '')
    .replace(/^( +)routes:\n(?!\1 )/gm, '')
}

/**
 * The shop's policy with a module `second` in the place of attribution. It is handed views and orders for that purpose:
 * the product and its price, the order, and how the person came.
 */
export function twoModules(text: string): string {
  return threeModules(withoutAttribution(text))
}

/** The same beside attribution, as a third. */
export function threeModules(text: string): string {
  return text
    .replace(
      'destinations:\n',
      `destinations:
  second:
    kind: module
    purpose: attribution
    role: self
    region: CN
    time: minute
`,
    )
    .replace(
      `    Product Viewed:
      fields: {include: [product]}
      routes:
`,
      `    Product Viewed:
      fields: {include: [product]}
      routes:
        second: {purpose: attribution, fields: [properties.product_id, properties.price, context.visitId, context.campaign.source]}
`,
    )
    .replace(
      `      totals: true
      routes:
`,
      `      totals: true
      routes:
        second: {purpose: attribution, fields: [properties.order_id, properties.total, context.visitId]}
`,
    )
}
