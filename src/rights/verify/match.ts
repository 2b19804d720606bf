import { appendEntriesAbout } from '../../audit/log.ts'
import type { Db, Tx } from '../../db/pool.ts'
import { transaction } from '../../db/transaction.ts'
import type { SubjectId } from '../../event/ids.ts'
import { type Contacts, contactsOf } from '../../identity/contacts.ts'
import { type Presented, present } from '../../identity/present.ts'
import { indexText, type Node, readNodes } from '../../identity/read.ts'
import { withCurrentIndex } from '../../identity/stale-index.ts'
import type { Keyring } from '../../keys/keyring.ts'
import { withActiveEpoch } from '../../keys/subject-keys.ts'
import { same } from '../asking-keys.ts'
import { putContent, readContent } from '../content.ts'
import { queueMessage } from '../messages/queue.ts'
import { move } from '../move.ts'
import { subjectsBehind } from '../people.ts'
import type { Asking, GivenIdentifier, Proof, Request } from '../request.ts'
import { lockRequest, setSubjects } from '../rows.ts'
import { askForProof, type Channels } from './ask.ts'
import { ruling } from './levels.ts'

export interface MatchDeps {
  readonly db: Db
  readonly keyring: Keyring
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly channels: Channels
  /** Said after a commit: messages may wait. */
  readonly told: () => void
}

/** How long a person has to prove who they are. */
export const PROOF_MS = 14 * 86_400_000

/**
 * Finds whom a request that was just received may be about, and moves it: to `verified` where what came with it is proof
 * enough, else to `identity_pending`, where a link or a code goes to what is on file. Who asked was answered before this,
 * and is told the same whether anybody was found. Does nothing to a request that was moved meanwhile.
 */
export async function matchAndAsk(deps: MatchDeps, request: Request): Promise<void> {
  await withCurrentIndex(deps.keyring, () =>
    withActiveEpoch(deps.keyring, () => transaction(deps.db, (tx) => matchIn(tx, deps, request.id))),
  )
  deps.told()
}

async function matchIn(tx: Tx, deps: MatchDeps, id: string): Promise<void> {
  const request = await lockRequest(tx, id)
  if (request.state !== 'received') return
  const found = await look(tx, deps.keyring, request)
  const now = deps.now()
  const rule = rulingOf(request, found, found.proof)
  if (found.proof !== undefined || request.right !== 'objection') {
    await putContent(tx, deps.keyring, id, 'contact', found.contact)
    if (found.target !== undefined) await nameSubject(tx, id, found.target)
  }
  if (rule.met) {
    await moveToVerified(tx, deps, request, { ...found, officer: rule.officer, now })
    return
  }
  const { asking, contact, channels } = { ...found, channels: deps.channels }
  const question = { ways: rule.ways, asking, named: found.named.type, contact, channels }
  await askForProof(tx, { keyring: deps.keyring, now }, id, question)
  await move(tx, request, 'identity_pending', { actor: 'weir', now, nextAt: now + PROOF_MS, acknowledgedAt: now })
}

/** Whom a request may be about, as things are now. */
export interface Found {
  readonly asking: Asking
  /** What the request is named by: the first of its identifiers. */
  readonly named: GivenIdentifier
  readonly identifiers: readonly GivenIdentifier[]
  readonly proof: Proof | undefined
  /** What is on file of the user whom it is about. */
  readonly contact: Contacts
  readonly disagree: boolean
  /** Whom it names; proven or not. */
  readonly target: SubjectId | undefined
}

/** Reads again what a request says, and whom that names. */
export async function look(tx: Tx, keyring: Keyring, request: Request): Promise<Found> {
  const given = (await readContent(tx, keyring, request.id, 'identifiers')) ?? []
  const asking = (await readContent(tx, keyring, request.id, 'asking')) ?? {}
  const nodeOf = await nodesOf(tx, keyring, given)
  const identifiers = given.map((one) => (isOwnDevice(one, nodeOf(one), asking) ? { ...one, verified: true } : one))
  const proven = identifiers.filter((one) => one.verified)
  const device = proven.some((one) => one.type === 'anonymous_id') ? ('device-secret' as const) : undefined
  const [named] = identifiers
  if (named === undefined) throw new Error('the request is over: what it said is forgotten')
  const target = nodeOf(proven[0] ?? named)
  const contact = target?.kind === 'user' ? await contactsOf(tx, keyring, target.subject) : {}
  const hints = identifiers.filter((one) => !one.verified)
  return {
    asking,
    named,
    identifiers,
    proof: request.verifiedBy ?? device,
    contact,
    target: target?.subject,
    // Of one that nobody has just as of another person's: who asks must not learn which it is.
    disagree:
      proven.length > 0 && hints.some((hint) => target === undefined || nodeOf(hint)?.subject !== target.subject),
  }
}

/** So that an erasure of that person finds what was asked in their name, and not proven. */
async function nameSubject(tx: Tx, id: string, subject: SubjectId): Promise<void> {
  await tx.$client.query(
    'insert into weir.request_named (request_id, subject_id) values ($1, $2) on conflict do nothing',
    [id, subject],
  )
}

export function rulingOf(request: Request, found: Found, proof: Proof | undefined): ReturnType<typeof ruling> {
  return ruling({
    right: request.right,
    proof,
    agent: found.asking.agent !== undefined,
    disagree: found.disagree,
    stale: found.asking.stale === true,
    contact: found.contact.mail !== undefined || found.contact.phone !== undefined,
  })
}

export interface Verified {
  readonly identifiers: readonly GivenIdentifier[]
  readonly named: GivenIdentifier
  readonly proof: Proof | undefined
  readonly officer: boolean
  readonly now: number
}

/** It is known who asks: from here on the request is about these subjects, and no others. */
export async function moveToVerified(
  tx: Tx,
  { keyring }: Pick<MatchDeps, 'keyring'>,
  request: Request,
  { identifiers, named, proof, officer, now }: Verified,
): Promise<Request> {
  // Whoever only says no says it for the identifier that they name; it is shown nothing.
  const scope = proof === undefined ? [{ ...named, verified: true }] : identifiers
  const subjects = await subjectsBehind(tx, keyring, scope)
  await setSubjects(tx, request.id, subjects)
  await tx.$client.query('delete from weir.request_named where request_id = $1', [request.id])
  // Hints end here: nothing that follows can take them for the person's.
  const proven = identifiers.filter((one) => one.verified)
  if (proven.length > 0) await putContent(tx, keyring, request.id, 'identifiers', proven)
  const moved = await move(tx, request, 'verified', {
    actor: proof === 'processor' ? 'weir' : 'person',
    now,
    nextAt: now,
    needsOfficer: officer || request.needsOfficer,
    acknowledgedAt: request.acknowledgedAt ?? now,
    ...(proof === undefined ? {} : { verifiedBy: proof, more: proof }),
  })
  await appendEntriesAbout(tx, { keyring, now: () => now }, [verifiedEntry(request, subjects, proof)])
  // An erasure that begins at once says so itself, to every contact.
  const isTold = proof === undefined || (request.right === 'erasure' && !officer)
  if (!isTold) await queueMessage(tx, { request: request.id, template: 'received', now })
  return moved
}

function verifiedEntry(
  { id, right }: Request,
  subjects: readonly SubjectId[],
  proof: Proof | undefined,
): Parameters<typeof appendEntriesAbout>[2][number] {
  return {
    actor: 'weir',
    action: 'request.verify',
    resource: `request:${id}`,
    purpose: 'rights',
    outcome: 'done',
    about: subjects.map((subject) => ({ subject })),
    more: { by: 'person', right, proof: proof ?? 'none' },
  }
}

type NodeOf = (one: GivenIdentifier) => Node | undefined

async function nodesOf(tx: Tx, keyring: Keyring, given: readonly GivenIdentifier[]): Promise<NodeOf> {
  const presented = new Map<string, Presented>()
  for (const { type, value } of given) {
    const one = present(keyring, type, value)
    if (one !== undefined) presented.set(`${type} ${value}`, one)
  }
  const nodes = await readNodes(tx, [...presented.values()])
  return ({ type, value }) => {
    const one = presented.get(`${type} ${value}`)
    return one && nodes.get(indexText(one.key))
  }
}

function isOwnDevice({ type }: GivenIdentifier, node: Node | undefined, { device }: Asking): boolean {
  if (type !== 'anonymous_id' || device === undefined || node?.secretHash === undefined) return false
  return same(node.secretHash, Buffer.from(device, 'base64url'))
}
