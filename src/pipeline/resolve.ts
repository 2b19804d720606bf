import { timingSafeEqual } from 'node:crypto'
import { narrowedBy } from '../consent/decide.ts'
import { type Cluster, viewOf } from '../consent/view.ts'
import type { IncomingEvent, Source } from '../event/event.ts'
import { type EventKeys, eventKey, secretHash } from '../identity/blind-index.ts'
import { hasEntropy } from '../identity/entropy.ts'
import { type Presented, present, presentAnew } from '../identity/present.ts'
import { indexText, type Node } from '../identity/read.ts'
import type { Keyring } from '../keys/keyring.ts'
import type { CompiledPolicy, ConsentView } from '../policy/compiled.ts'

/** An event with who it says it is of, before the database is asked. */
export interface Resolvable {
  readonly event: IncomingEvent
  readonly source: Source
  readonly keys: EventKeys
  readonly device: Presented | undefined
  readonly user: Presented | undefined
  /** A server key or a subject token stands for the user id. */
  readonly userConfirmed: boolean
  /** Keyed hash of the device secret that the message showed. */
  readonly secretHash: Buffer | undefined
  readonly addressPrefix: string
}

/** Reads the ids of an event. `confirmedUser` is the user id that the request's subject token proves, if any. */
export function resolvable(
  keyring: Keyring,
  source: Source,
  event: IncomingEvent,
  request: { readonly addressPrefix: string; readonly confirmedUser: string | undefined },
): Resolvable {
  const { userId, confirmed } = userOf(source, event, request.confirmedUser)
  const device = present(keyring, 'anonymous_id', deviceIdOf(source, event))
  return {
    event,
    source,
    keys: eventKey(keyring.dedupeKey, source.id, event.messageId),
    device,
    user: present(keyring, 'user_id', userId),
    userConfirmed: confirmed,
    secretHash: shownSecret(keyring, source, event, device),
    addressPrefix: request.addressPrefix,
  }
}

/** The same event, its ids under the index versions that the keyring has now. */
export function resolvableAnew(keyring: Keyring, item: Resolvable): Resolvable {
  return { ...item, device: presentAnew(keyring, item.device), user: presentAnew(keyring, item.user) }
}

function userOf(
  source: Source,
  event: IncomingEvent,
  confirmedUser: string | undefined,
): { userId: string | undefined; confirmed: boolean } {
  if (source.kind === 'server') return { userId: event.userId, confirmed: event.userId !== undefined }
  const userId = event.userId ?? confirmedUser
  return { userId, confirmed: userId !== undefined && userId === confirmedUser }
}

function shownSecret(
  keyring: Keyring,
  source: Source,
  { anonymousSecret }: IncomingEvent,
  device: Presented | undefined,
): Buffer | undefined {
  if (source.kind === 'server' || device === undefined || anonymousSecret === undefined) return undefined
  return secretHash(keyring.tokenKey, device.value, anonymousSecret)
}

/**
 * The device an event came from. A browser key is public, so the anonymous id itself must be unguessable, and an
 * alias may only speak of the device that sends it.
 */
function deviceIdOf(source: Source, event: IncomingEvent): string | undefined {
  if (source.kind === 'server') return event.anonymousId ?? (event.type === 'alias' ? event.previousId : undefined)
  return event.anonymousId !== undefined && hasEntropy(event.anonymousId) ? event.anonymousId : undefined
}

/** An event with the subjects behind it, as they were when the database was read. */
export interface Resolved {
  readonly item: Resolvable
  readonly device: Node | undefined
  readonly user: Node | undefined
  readonly cluster: Cluster
  readonly view: ConsentView
  /** What a link between the two may say: a token proves the user, only its secret the device. */
  readonly linkConfirmed: boolean
}

export function resolve(policy: CompiledPolicy, stated: Resolvable, nodes: ReadonlyMap<string, Node>): Resolved {
  const known = stated.device && nodes.get(indexText(stated.device.key))
  const user = stated.user && nodes.get(indexText(stated.user.key))
  const proof = proofOf(stated, known)
  const stranger = proof === 'wrong' || (proof === 'withheld' && endsConfirmed(stated, known, user))
  const item = stranger ? { ...stated, device: undefined } : stated
  const device = stranger ? undefined : known
  const cluster = clusterOf(item, device, user)
  const view = { ...viewOf(cluster), narrowed: narrowedBy(policy, item.event.claim) }
  return { item, device, user, cluster, view, linkConfirmed: item.userConfirmed && proof !== 'withheld' }
}

/**
 * Whether a message is of the device that it names. One that has shown a secret is proven by it alone: with another
 * secret the message is a stranger's; without one (clients that know of none) it counts, but changes no confirmed link.
 */
function proofOf(item: Resolvable, device: Node | undefined): 'enough' | 'withheld' | 'wrong' {
  if (item.source.kind === 'server' || device?.secretHash === undefined) return 'enough'
  if (item.secretHash === undefined) return 'withheld'
  return timingSafeEqual(item.secretHash, device.secretHash) ? 'enough' : 'wrong'
}

/** A second user on a device whose first is confirmed. */
function endsConfirmed(item: Resolvable, device: Node | undefined, user: Node | undefined): boolean {
  return item.user !== undefined && device?.link?.confirmed === true && device.link.user !== user?.subject
}

/** The user that an event names goes before the one its device is linked to: somebody else may have signed in. */
function clusterOf(item: Resolvable, device: Node | undefined, user: Node | undefined): Cluster {
  if (item.user === undefined) {
    return { device: device?.consent, user: device?.link?.userConsent, confirmed: device?.link?.confirmed ?? false }
  }
  const linked = user !== undefined && device?.link?.user === user.subject && device.link.confirmed
  return { device: device?.consent, user: user?.consent, confirmed: item.userConfirmed || linked }
}
