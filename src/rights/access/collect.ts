import { readAccesses, recordsAbout } from '../../audit/about-people.ts'
import type { AuditEntry } from '../../audit/log.ts'
import type { Tx } from '../../db/pool.ts'
import { transaction } from '../../db/transaction.ts'
import type { SubjectId } from '../../event/ids.ts'
import { readClassNames } from '../../eventlog/partitions.ts'
import { withActiveEpoch } from '../../keys/subject-keys.ts'
import { pseudonymsHeld } from '../../pipeline/erase-subject.ts'
import { withKnownRoots } from '../../pipeline/pseudonymisers.ts'
import type { RightsDeps } from '../deps.ts'
import { countClasses } from './classes.ts'
import { createDecisionWords } from './decision.ts'
import { type EventLens, readEvents, readPositions } from './events.ts'
import { type RowsCursor, readModuleRows, shownTables } from './module-rows.ts'
import { readConsentHistory, readIdentifiers, readLinks, readPurposes, readRecords } from './person.ts'
import {
  ACCESS_SCHEMA,
  type AccessDocument,
  type AccessEvent,
  type AccessHead,
  type ModuleRecord,
  type OwnAccess,
} from './schema.ts'
import { countErasedBefore, readDisclosures, readHolds, readRecipients, readRequests, readWaiting } from './standing.ts'
import { countStores } from './stores.ts'
import { readStruckTags } from './struck.ts'

export type AccessDeps = Pick<
  RightsDeps,
  'db' | 'keyring' | 'audit' | 'active' | 'policies' | 'holders' | 'now' | 'publicUrl'
>

export interface AccessAsk {
  readonly subjects: readonly SubjectId[]
  readonly requestId: string | undefined
  /** The entry of the audit log, but for whom it is about: durable before anything is opened. */
  readonly entry: Pick<AuditEntry, 'actor' | 'resource' | 'caseId' | 'more'>
  /** Called after each page of what is long, with how much of it is done in all. */
  readonly progress?: (done: number, total: number) => void
}

/** What is held of somebody: the small parts at once, the long ones page by page, as often as they are asked for. */
export interface AccessSource {
  readonly head: AccessHead
  /** How much there is of the long members. */
  readonly lengths: { readonly events: number; readonly accesses: number }
  events(range?: { readonly newest: number }): AsyncGenerator<AccessEvent[]>
  accesses(range?: { readonly newest: number }): AsyncGenerator<OwnAccess[]>
  /** Tables of modules that have rows. */
  readonly tables: readonly { readonly module: string; readonly table: string }[]
  moduleRows(of: { readonly module: string; readonly table: string }): AsyncGenerator<ModuleRecord[]>
}

const PAGE = 500

/**
 * Everything held of these subjects, from every store. The look is entered in the audit log, about all of them, before
 * anything is opened (law 6); rejects where that cannot be. Each page is read in a transaction of its own: whoever
 * downloads slowly holds nothing back, and what is erased meanwhile is gone from the pages that follow.
 */
export async function openAccess(deps: AccessDeps, ask: AccessAsk): Promise<AccessSource> {
  const { subjects, entry } = ask
  await deps.audit.append({
    ...entry,
    action: 'access.export',
    purpose: 'own-state',
    outcome: 'released',
    about: subjects.map((subject) => ({ subject })),
  })
  const classNames = await readClassNames(deps.db)
  const found = await reading(deps, (tx) => readHead(tx, deps, ask, classNames))
  const { head, lens, positions, records } = found
  const total = positions.length + records.length
  let done = 0
  function step(n: number): void {
    done += n
    ask.progress?.(done, Math.max(total, done))
  }
  return {
    head,
    lengths: { events: positions.length, accesses: records.length },
    tables: head.modules.flatMap(({ module, rows }) =>
      shownTables({ name: module }).flatMap((table) => ((rows[table] ?? 0) > 0 ? [{ module, table }] : [])),
    ),
    async *events({ newest = positions.length } = { newest: positions.length }) {
      for (let from = Math.max(0, positions.length - newest); from < positions.length; from += PAGE) {
        const page = [...positions.subarray(from, from + PAGE)]
        yield await reading(deps, (tx) => readEvents(tx, lens, page))
        step(page.length)
      }
    },
    async *accesses({ newest = records.length } = { newest: records.length }) {
      for (let from = Math.max(0, records.length - newest); from < records.length; from += PAGE) {
        const page = records.slice(from, from + PAGE)
        yield await reading(deps, (tx) => readAccesses(tx, page))
        step(page.length)
      }
    },
    async *moduleRows({ module: name, table }) {
      const holder = deps.holders().find((one) => one.module?.name === name)
      if (holder?.module === undefined) return
      const { module } = holder
      const pseudonyms = await reading(deps, (tx) => pseudonymsHeld(tx, holder, subjects))
      let after: RowsCursor | undefined
      do {
        const from = after
        const page = await reading(deps, (tx) =>
          readModuleRows(tx, module, { table, pseudonyms, after: from, limit: PAGE }),
        )
        yield page.rows.map((values) => ({ module: name, table, values }) as ModuleRecord)
        after = page.next
      } while (after !== undefined)
    },
  }
}

/** The whole document in memory: for who has little, and for tests. */
export async function collectAccess(deps: AccessDeps, ask: AccessAsk): Promise<AccessDocument> {
  const source = await openAccess(deps, ask)
  const events = await all(source.events())
  const accesses = await all(source.accesses())
  const moduleRecords: ModuleRecord[] = []
  for (const of of source.tables) moduleRecords.push(...(await all(source.moduleRows(of))))
  return { ...source.head, events, moduleRecords, accesses }
}

async function all<T>(pages: AsyncIterable<readonly T[]>): Promise<T[]> {
  const found: T[] = []
  for await (const page of pages) found.push(...page)
  return found
}

/** One moment of the database, under the keys that are in force. */
function reading<T>(deps: AccessDeps, work: (tx: Tx) => Promise<T>): Promise<T> {
  return withKnownRoots(deps.keyring, () =>
    withActiveEpoch(deps.keyring, () =>
      transaction(deps.db, async (tx) => {
        await tx.$client.query('set transaction isolation level repeatable read, read only')
        return work(tx)
      }),
    ),
  )
}

interface Found {
  readonly head: AccessHead
  readonly lens: EventLens
  readonly positions: BigInt64Array
  readonly records: readonly bigint[]
}

async function readHead(
  tx: Tx,
  deps: AccessDeps,
  { subjects, requestId }: AccessAsk,
  classNames: ReadonlyMap<number, string>,
): Promise<Found> {
  const { keyring } = deps
  const active = deps.active()
  const now = deps.now()
  const { refs, records: you } = await readRecords(tx, subjects)
  const whose = { subjects, refs }
  const names = new Map([...active.destinationIds].map(([name, id]) => [id, name]))
  const identifiers = await readIdentifiers(tx, keyring, whose)
  const { stores, modules, detached } = await countStores(tx, deps.holders(), subjects)
  const head: AccessHead = {
    schema: ACCESS_SCHEMA,
    from: deps.publicUrl,
    madeAt: new Date(now).toISOString(),
    requestId: requestId ?? null,
    you: { identifiers, records: you },
    purposes: await readPurposes(tx, active.compiled, subjects),
    completeness: {
      ...COMPLETE,
      classes: await countClasses(tx, active, { classNames, subjects, detached, now }),
      stores,
    },
    links: await readLinks(tx, whose),
    consent: await readConsentHistory(tx, whose),
    modules,
    recipients: await readRecipients(tx, keyring, whose, names),
    disclosures: await readDisclosures(tx, whose),
    requests: await readRequests(tx, keyring, whose),
    holds: await readHolds(tx, whose, new Date(now).toISOString().slice(0, 10)),
    struckTags: await readStruckTags(tx, keyring, whose),
    waiting: await readWaiting(tx, whose, names),
    earlierErasures: await countErasedBefore(tx, keyring, identifiers),
  }
  const apart = detached.some((one) => one.class !== null)
  const lens = {
    keyring,
    active,
    policies: deps.policies,
    ...whose,
    words: createDecisionWords(),
    classNames,
    now,
    apart,
  }
  return { head, lens, positions: await readPositions(tx, subjects), records: await recordsAbout(tx, subjects) }
}

const COMPLETE = {
  en: 'Every store that can hold anything of a person is listed with how much of yours it has, none included. Events that were refused when they came are kept without content and without a name, so that they are nobody’s. Somebody else’s data, credentials and full numbers of cards and identity documents are kept as they came and not shown.',
  'zh-CN':
    '凡可能保存个人信息的存储均已列出并注明条数，没有的也写明为零。到达时即被拒绝的事件不含内容、不含身份，不属于任何人。他人的信息、登录凭证以及银行卡和身份证件的完整号码按原样封存，此处不予展示。',
}
