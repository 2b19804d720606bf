import { lockRestriction } from '../db/locks.ts'
import type { Db } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import type { SubjectId } from '../event/ids.ts'
import type { ActivePolicy } from '../eventlog/partitions.ts'
import { linkDevices, saysAlready, type WantedLink } from '../identity/links.ts'
import type { Presented } from '../identity/present.ts'
import { indexText, type Node, readNodes } from '../identity/read.ts'
import { createSubjects, markSeen } from '../identity/subjects.ts'
import type { Keyring } from '../keys/keyring.ts'
import type { Resolved } from './resolve.ts'

/** Who is missing before these events can be kept: subjects to make, links to draw, days to note. */
export interface Unsettled {
  readonly create: readonly Presented[]
  readonly link: readonly Resolved[]
  readonly seen: readonly SubjectId[]
}

/**
 * What permitted events still lack. Empty for nearly every group: a subject is made once and linked once. `refused` are
 * those that say who somebody is: they make no person, but between a device and a user that are known they draw the
 * link, over which the account's refusals come; and where they name another user than the device's, they end its link:
 * what follows is not the first user's, whatever the second one permits.
 */
export function unsettled(permitted: readonly Resolved[], refused: readonly Resolved[], today: string): Unsettled {
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
  for (const resolved of refused) if (firstLink(resolved) || handsOver(resolved)) link.push(resolved)
  return { create, link, seen: [...seen].sort() }
}

/**
 * Where in a group a device passes from one user to another: what comes before must be kept before the link changes.
 * Undefined where it does not happen.
 */
export function handoverAt(group: readonly Resolved[]): number | undefined {
  const holders = new Map<string, Holder>()
  for (const [i, { item, device, user }] of group.entries()) {
    if (item.device === undefined) continue
    const name = indexText(item.device.key)
    const holder = holders.get(name)
    const next: Holder = { subject: device?.link?.user, name: undefined, ...holder }
    if (item.user !== undefined) {
      const own = indexText(item.user.key)
      const isAnother = next.name === undefined ? next.subject !== user?.subject : next.name !== own
      const wasAnybodys = next.name !== undefined || next.subject !== undefined
      if (holder !== undefined && wasAnybodys && isAnother) return i
      next.name = own
    }
    holders.set(name, next)
  }
  return undefined
}

interface Holder {
  /** The user that the device was linked to when it was read. */
  readonly subject: SubjectId | undefined
  /** The last user that the group named on it. */
  name: string | undefined
}

export function isSettled(what: Unsettled): boolean {
  return what.create.length === 0 && what.link.length === 0 && what.seen.length === 0
}

function needsLink({ item, device, user, linkConfirmed }: Resolved): boolean {
  if (item.device === undefined || item.user === undefined) return false
  if (device === undefined || user === undefined) return true
  return !saysAlready(device, user.subject, { confirmed: linkConfirmed })
}

/** Somebody else than the device's user has signed in there. */
function handsOver({ item, device, user }: Resolved): boolean {
  return item.user !== undefined && device?.link !== undefined && device.link.user !== user?.subject
}

/** Between two that are known, by a message that says who somebody is. */
function firstLink(resolved: Resolved): boolean {
  const { item, device, user } = resolved
  const tellsWho = item.event.type === 'identify' || item.event.type === 'alias'
  if (!tellsWho || device === undefined || user === undefined) return false
  return (device.link === undefined || device.link.user === user.subject) && needsLink(resolved)
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
        what.link.flatMap(({ item }) => [item.device!, item.user!]),
      )
      const context = { keyring, active, receivedAt }
      await linkDevices(
        tx,
        context,
        what.link.flatMap((resolved) => wantedLink(resolved, nodes)),
      )
    }
    if (what.seen.length > 0) await markSeen(tx, what.seen, new Date(receivedAt).toISOString().slice(0, 10))
  })
}

function wantedLink({ item, linkConfirmed }: Resolved, nodes: ReadonlyMap<string, Node>): WantedLink[] {
  const device = nodes.get(indexText(item.device!.key))
  const user = nodes.get(indexText(item.user!.key))
  if (device === undefined || (user === undefined && device.link === undefined)) return []
  if (user !== undefined && saysAlready(device, user.subject, { confirmed: linkConfirmed })) return []
  return [
    {
      device,
      presented: item.device!,
      user: user?.subject,
      confirmed: linkConfirmed,
      sourceId: item.source.id,
    },
  ]
}
