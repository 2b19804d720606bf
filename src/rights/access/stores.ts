import { uuidArray } from '../../db/binary-array.ts'
import type { Tx } from '../../db/pool.ts'
import type { SubjectId } from '../../event/ids.ts'
import { type Holder, pseudonymsHeld } from '../../pipeline/erase-subject.ts'
import { asStatutory } from '../statutory/rows.ts'
import { countModule } from './module-rows.ts'
import type { AccessDocument } from './schema.ts'

/** What a store is, in a sentence, and where in the document the person finds what is in it. */
export interface StoreWords {
  readonly en: string
  readonly zh: string
  readonly listedIn: keyof AccessDocument | null
}

interface Counted extends StoreWords {
  /** One row, `n`; $1 is the subjects. */
  readonly sql: string
}

const bySubject = (table: string): string =>
  `select count(*) as n from weir.${table} where subject_id = any((select $1::uuid[])::uuid[])`

/** Every table of ours with rows of a person, by name: what an erasure takes, and what stays as nobody's. */
export const STORES: Readonly<Record<string, Counted>> = {
  'weir.subject': {
    sql: bySubject('subject'),
    en: 'The users and devices that are you, each under a random number.',
    zh: '属于您的用户与设备，各有一个随机编号。',
    listedIn: 'you',
  },
  'weir.identifier': {
    sql: bySubject('identifier'),
    en: 'Your identifiers, sealed, each once for every version of the index that finds it.',
    zh: '您的标识符（加密封存），按索引版本各存一份。',
    listedIn: 'you',
  },
  'weir.subject_key': {
    sql: bySubject('subject_key'),
    en: 'The keys under which everything of yours is sealed. A key is a credential: it is not shown.',
    zh: '封存您数据所用的密钥。密钥属于凭证，不予展示。',
    listedIn: null,
  },
  'weir.link': {
    sql: 'select count(*) as n from weir.link where device_id = any($1::uuid[]) or user_id = any($1::uuid[])',
    en: 'Which device was said, or is known, to be which user’s.',
    zh: '设备与用户之间的关联（声称的或已确认的）。',
    listedIn: 'links',
  },
  'weir.consent_state': {
    sql: bySubject('consent_state'),
    en: 'What you allow and refuse now.',
    zh: '您目前同意与拒绝的处理目的。',
    listedIn: 'purposes',
  },
  'weir.consent_ledger': {
    sql: bySubject('consent_ledger'),
    en: 'Every choice that was recorded, with how it was proved.',
    zh: '每一次同意或拒绝的记录及其证据。',
    listedIn: 'consent',
  },
  'weir.event_log': {
    sql: bySubject('event_log'),
    en: 'What happened, event by event, without content: when it came, what was decided for it.',
    zh: '逐条事件记录（不含内容）：何时收到、如何判定。',
    listedIn: 'events',
  },
  'weir.sealed': {
    sql: bySubject('sealed'),
    en: 'The content of those events, sealed, by class of field.',
    zh: '上述事件的内容，按字段类别加密封存。',
    listedIn: 'events',
  },
  'weir.dead_letter': {
    sql: bySubject('dead_letter'),
    en: 'Events of yours that are to be handed over again.',
    zh: '待重新投递的事件。',
    listedIn: 'waiting',
  },
  'weir.purge': {
    sql: bySubject('purge'),
    en: 'Orders to delete what you withdrew your consent to, not carried out yet.',
    zh: '因撤回同意而待执行的删除。',
    listedIn: 'waiting',
  },
  'weir.audit_detail': {
    sql: bySubject('audit_detail'),
    en: 'That the log of accesses names you, sealed: one for each of your users and devices that an entry is about, so there are more of these than entries.',
    zh: '访问日志中与您有关的部分（加密封存）。一条日志涉及您的几个用户或设备，就有几条，因此多于列出的日志条数。',
    listedIn: 'accesses',
  },
  'weir.disclosure_person': {
    sql: bySubject('disclosure_person'),
    en: 'Requests of officers to see data of yours.',
    zh: '工作人员申请查看您数据的记录。',
    listedIn: 'disclosures',
  },
  'weir.request_person': {
    sql: bySubject('request_person'),
    en: 'Which requests are yours: one for each of your users and devices that a request is about, so there are more of these than requests.',
    zh: '哪些权利请求由您提出。一项请求涉及您的几个用户或设备，就有几条，因此多于请求数。',
    listedIn: 'requests',
  },
  'weir.request_named': {
    sql: bySubject('request_named'),
    en: 'Requests made in your name that nobody has proven yet: nothing is done for them.',
    zh: '以您的名义提出、但尚未证明身份的请求：不会据此办理任何事项。',
    listedIn: 'requests',
  },
  'weir.request_content': {
    sql: 'select count(distinct request_id) as n from weir.request_person where subject_id = any($1::uuid[])',
    en: 'Your requests and what they say, as long as they are open.',
    zh: '您的权利请求及其内容（办理期间保存）。',
    listedIn: 'requests',
  },
  'weir.recipient': {
    sql: bySubject('recipient'),
    en: 'Who outside of the shop received what of you.',
    zh: '商店以外的接收方收到了您的哪些数据。',
    listedIn: 'recipients',
  },
  'weir.struck_tag': {
    sql: bySubject('struck_tag'),
    en: 'What you struck out of what recommendations go by.',
    zh: '您从推荐依据中划去的内容。',
    listedIn: 'struckTags',
  },
}

const HOLDS: StoreWords = {
  en: 'Duties to keep data of yours, put in place by an authority or for a claim.',
  zh: '因机关要求或争议而依法保留您数据的义务。',
  listedIn: 'holds',
}
const DETACHED: StoreWords = {
  en: 'Content that a law says must be kept, kept apart and used for nothing.',
  zh: '已停用、仅依法保存的内容，单独存放。',
  listedIn: 'events',
}
const REMAINDER: StoreWords = {
  en: 'What a law keeps of somebody who was erased lies under keys of its own and leads back to nobody: the list that was given with the receipt says what it is.',
  zh: '删除后依法保留的部分以独立密钥封存，不再与任何人关联；当时随回执提供的清单列明其内容。',
  listedIn: null,
}
const TOTALS: StoreWords = {
  en: 'Sums over many people (orders and units by day and product): nothing in them leads to you.',
  zh: '多人汇总数（按日、按商品的订单与件数）：其中没有可以指向您的内容。',
  listedIn: null,
}
const MODULE: StoreWords = {
  en: 'What this module works with, under a pseudonym of yours that only it knows.',
  zh: '该模块处理的数据，以仅该模块知晓的去标识化标识保存。',
  listedIn: 'moduleRecords',
}

export type CountedStore = AccessDocument['completeness']['stores'][number]
export type ModuleHeld = AccessDocument['modules'][number]

/** What lies kept apart, by class; the log's own rows under no class. Takes on the statutory role for the look. */
export interface Detached {
  readonly class: string | null
  readonly rows: number
  readonly first: string | null
  readonly last: string | null
}

/** Every store with how many rows of these subjects it has, none included. */
export async function countStores(
  tx: Tx,
  holders: readonly Holder[],
  subjects: readonly SubjectId[],
): Promise<{ readonly stores: CountedStore[]; readonly modules: ModuleHeld[]; readonly detached: Detached[] }> {
  const stores: CountedStore[] = []
  for (const [name, one] of Object.entries(STORES)) stores.push(said(name, await count(tx, one.sql, subjects), one))
  const { holds, detached } = await lookApart(tx, subjects)
  const apart = detached.reduce((sum, { rows }) => sum + rows, 0)
  stores.push(said('weir.detached', apart, DETACHED), said('statutory.hold_person', holds, HOLDS))
  stores.push(said('statutory.remainder', 0, REMAINDER))
  const modules: ModuleHeld[] = []
  for (const holder of holders) {
    const { module } = holder
    if (module === undefined) continue
    const rows = await countModule(tx, module, await pseudonymsHeld(tx, holder, subjects))
    modules.push({ module: module.name, purpose: module.purpose, rows: { ...rows } })
    const total = Object.values(rows).reduce((sum, n) => sum + n, 0)
    stores.push(said(`module:${module.name}`, total, MODULE))
  }
  stores.push(said('weir.total', 0, TOTALS))
  return { stores, modules, detached }
}

function said(store: string, rows: number, { en, zh, listedIn }: StoreWords): CountedStore {
  return { store, rows, en, 'zh-CN': zh, listedIn }
}

async function count(tx: Tx, sql: string, subjects: readonly SubjectId[]): Promise<number> {
  const { rows } = await tx.$client.query<{ n: bigint }>(sql, [uuidArray(subjects)])
  return Number(rows[0]!.n)
}

async function lookApart(
  tx: Tx,
  subjects: readonly SubjectId[],
): Promise<{ readonly holds: number; readonly detached: Detached[] }> {
  return asStatutory(tx, async () => {
    const held = await count(
      tx,
      'select count(*) as n from statutory.hold_person where subject_id = any($1::uuid[])',
      subjects,
    )
    const { rows } = await tx.$client.query<{ class: string | null; n: bigint; first: string; last: string }>(
      'select class, n, first, last from weir.detached_of($1::uuid[])',
      [uuidArray(subjects)],
    )
    const detached = rows.map(({ class: name, n, first, last }) => ({ class: name, rows: Number(n), first, last }))
    return { holds: held, detached }
  })
}
