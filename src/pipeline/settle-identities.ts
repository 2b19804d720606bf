import { lockRestriction } from '../db/locks.ts'
import type { Db } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import type { SubjectId } from '../event/ids.ts'
import { linkDevices, saysAlready, type WantedLink } from '../identity/links.ts'
import { indexText, type Node, readNodes } from '../identity/read.ts'
import type { Presented } from '../identity/present.ts'
import { createSubjects, markSeen } from '../identity/subjects.ts'
import type { Keyring } from '../keys/keyring.ts'
import type { ActivePolicy } from '../eventlog/partitions.ts'
import type { Resolved } from './resolve.ts'

/** Who is missing before these events can be kept: subjects to make, links to draw, days to note. */
export interface Unsettled {
  readonly create: readonly Presented[]
  readonly link: readonly Resolved[]
  readonly seen: readonly SubjectId[]
}

/** What permitted events still lack. Empty for nearly every group: a subject is made once and linked once. */
export function unsettled(permitted: readonly Resolved[], today: string): Unsettled {
  const create: Presented[] = []
  const link: Resolved[] = []
  const seen = new Set<SubjectId>()
  for (const resolved of permitted) {
    const { item, device, user } = resolved
    if (item.device !== undefined && device === undefined) create.push(item.device)
    if (item.user !== undefined && user === undefined) create.push(item.user)
    if (needsLink(resolved)) link.push(resolved)
    for (const node of [device, user]) if (node !== undefined && node.seenOn < today) seen.add(node.subject)
  }
  return { create, link, seen: [...seen].sort() }
}

export function isSettled(what: Unsettled): boolean {
  return what.create.length === 0 && what.link.length === 0 && what.seen.length === 0
}

function needsLink({ item, device, user }: Resolved): boolean {
  if (item.device === undefined || item.user === undefined) return false
  if (device === undefined || user === undefined) return true
  return !saysAlready(device, user.subject, { confirmed: item.userConfirmed })
}

/** Makes the missing subjects and links, in one transaction of its own. The caller reads and decides again. */
export async function settle(
  db: Db,
  keyring: Keyring,
  active: ActivePolicy,
  what: Unsettled,
  receivedAt: number,
): Promise<void> {
  await transaction(db, async (tx) => {
    if (what.link.length > 0) await lockRestriction(tx, active.allDestinationIds)
    if (what.create.length > 0) await createSubjects(tx, keyring, what.create)
    if (what.link.length > 0) {
      const nodes = await readNodes(
        tx,
        what.link.flatMap(({ item }) => [item.device!.key, item.user!.key]),
      )
      const context = { keyring, policyVersion: active.compiled.version, receivedAt }
      await linkDevices(tx, context, what.link.flatMap((resolved) => wantedLink(resolved, nodes)))
    }
    if (what.seen.length > 0) await markSeen(tx, what.seen)
  })
}

function wantedLink({ item }: Resolved, nodes: ReadonlyMap<string, Node>): WantedLink[] {
  const device = nodes.get(indexText(item.device!.key))
  const user = nodes.get(indexText(item.user!.key))
  if (device === undefined || user === undefined) return []
  if (saysAlready(device, user.subject, { confirmed: item.userConfirmed })) return []
  return [
    {
      device,
      presented: item.device!,
      user: user.subject,
      confirmed: item.userConfirmed,
      sourceId: item.source.id,
    },
  ]
}
