import { createHash } from 'node:crypto'
import type { Audit } from '../audit/log.ts'
import { lockRestriction } from '../db/locks.ts'
import type { Db, Tx } from '../db/pool.ts'
import { transaction } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import type { SubjectId } from '../event/ids.ts'
import { maskOf, PURPOSES, type Purpose, type PurposeMask, purposesIn } from '../event/purpose.ts'
import type { ActivePolicy } from '../eventlog/partitions.ts'
import { linkDevices, repeatLinks, saysAlready } from '../identity/links.ts'
import type { NewSubjectLimit } from '../identity/new-subjects.ts'
import { type Presented, present } from '../identity/present.ts'
import { indexText, type Node, readNodes } from '../identity/read.ts'
import { withCurrentIndex } from '../identity/stale-index.ts'
import type { VerifySubjectToken } from '../identity/subject-token.ts'
import { createSubjects } from '../identity/subjects.ts'
import { readTombstones } from '../identity/tombstones.ts'
import type { Keyring } from '../keys/keyring.ts'
import { withActiveEpoch } from '../keys/subject-keys.ts'
import type { Choice } from './apply-choice.ts'
import { type Evidence, type Recorded, recordChoice } from './ledger.ts'
import { ownedDevice, type Proven, prove, type Speaker, sameDevice, wrongDevice } from './prove.ts'
import { orderPurges } from './purges.ts'
import { viewOf } from './view.ts'

export interface ConsentDeps {
  readonly db: Db
  readonly keyring: Keyring
  readonly active: () => ActivePolicy
  readonly audit: Audit
  readonly verifySubjectToken: VerifySubjectToken
  readonly newSubjects: NewSubjectLimit
  readonly now: () => number
  /** Called after a commit that restricts: what was held only for those purposes is now to be erased. */
  readonly restricted: () => void
}

export interface ConsentRequest extends Speaker {
  readonly choices: Partial<Record<Purpose, boolean>>
  readonly at?: number
  readonly noticeToken?: string
  readonly addressPrefix: string
}

export interface ConsentReply {
  readonly choices: Partial<Record<Purpose, boolean>>
  readonly consentEpoch: number
  /** Empty where nothing was ever recorded. */
  readonly recordId: string
}

/**
 * Records a choice and resolves after commit. With a withdrawal that commit is the moment of law 3: the lock that it
 * takes waits for deliveries under way and holds back the next ones. Throws AppError forbidden, unauthenticated,
 * invalid, or overloaded (429) where a browser makes new people too fast.
 */
export async function recordConsent(deps: ConsentDeps, request: ConsentRequest): Promise<ConsentReply> {
  if (request.source.test) {
    throw new AppError('forbidden', 'a test source keeps nothing: record the choice with another key', {
      code: 'test-source',
    })
  }
  const proven = await prove(request, deps.verifySubjectToken, deps.keyring)
  const choice = {
    granted: maskOf(PURPOSES.filter((purpose) => request.choices[purpose] === true)),
    refused: maskOf(PURPOSES.filter((purpose) => request.choices[purpose] === false)),
    claimedAt: request.at,
    receivedAt: deps.now(),
  }
  return recordProven(deps, request, proven, choice, { evidence: 'api', ...noticeOf(request.noticeToken) })
}

function noticeOf(token: string | undefined): { noticeToken?: Buffer } {
  return token === undefined ? {} : { noticeToken: createHash('sha256').update(token).digest() }
}

/** The same for a choice that came as an event: the caller has proven who speaks. */
export async function recordProven(
  deps: ConsentDeps,
  request: Pick<ConsentRequest, 'source' | 'addressPrefix'>,
  proven: Proven,
  choice: Choice,
  how: Pick<Evidence, 'evidence' | 'noticeToken'>,
): Promise<ConsentReply> {
  await withCurrentIndex(deps.keyring, () => meter(deps, request, presentedOf(deps.keyring, proven)))
  const evidence: Evidence = {
    ...how,
    proof: proven.proof,
    sourceId: request.source.id,
    policyVersion: deps.active().compiled.version,
  }
  const reply = await withCurrentIndex(deps.keyring, async () => {
    const ids = presentedOf(deps.keyring, proven)
    return withActiveEpoch(deps.keyring, () =>
      transaction(deps.db, (tx) => recordIn(tx, deps, ids, proven, choice, evidence)),
    )
  })
  if (choice.refused !== 0) deps.restricted()
  return reply
}

interface Ids {
  readonly device: Presented | undefined
  readonly user: Presented | undefined
}

function presentedOf(keyring: Keyring, proven: Proven): Ids {
  return {
    device: present(keyring, 'anonymous_id', proven.anonymousId),
    user: present(keyring, 'user_id', proven.userId),
  }
}

async function recordIn(
  tx: Tx,
  deps: ConsentDeps,
  ids: Ids,
  proven: Proven,
  choice: Choice,
  evidence: Evidence,
): Promise<ConsentReply> {
  const active = deps.active()
  // A choice that only grants, of one subject, restricts nobody; a link between two can bring refusals with it.
  const mayRestrict = choice.refused !== 0 || (ids.device !== undefined && ids.user !== undefined)
  if (mayRestrict) await lockRestriction(tx, active.allDestinationIds)
  let { device, user } = await nodesOf(tx, ids)
  const missing = [ids.device, ids.user].filter((id, i) => id !== undefined && [device, user][i] === undefined)
  if (missing.length > 0) {
    await refuseOutdated(tx, deps.keyring, missing as Presented[], choice)
    await createSubjects(tx, deps.keyring, missing as Presented[])
    ;({ device, user } = await nodesOf(tx, ids))
  }
  if (device !== undefined && !sameDevice(device.secretHash, proven.secretHash)) throw wrongDevice()
  // Whoever shows the first secret would speak for the user that the device is known to be.
  if (proven.proof === 'device-secret' && device?.link?.confirmed && device.secretHash === undefined)
    throw ownedDevice()
  if (device !== undefined && user !== undefined && !saysAlready(device, user.subject, { confirmed: true })) {
    const link = { device, presented: ids.device!, user: user.subject, confirmed: true, sourceId: evidence.sourceId }
    await linkDevices(tx, { keyring: deps.keyring, active, receivedAt: choice.receivedAt }, [link])
    ;({ device, user } = await nodesOf(tx, ids))
  }
  const subjects = [device, user].flatMap((node) => (node === undefined ? [] : [node.subject]))
  const recorded = await recordChoice(tx, subjects, choice, evidence)
  if (device !== undefined && proven.secretHash !== undefined) await keepSecret(tx, device.subject, proven.secretHash)
  await orderPurges(tx, active, subjects, choice.refused)
  if (recorded.some((one) => one.gained !== 0)) await repeatLinks(tx, active, subjects)
  return replyOf(await nodesOf(tx, ids), recorded.at(-1)!)
}

/** A choice from before its person was erased, played again, does not bring them back. */
async function refuseOutdated(tx: Tx, keyring: Keyring, missing: readonly Presented[], choice: Choice): Promise<void> {
  const { claimedAt } = choice
  if (claimedAt === undefined) return
  const erasedAt = await readTombstones(tx, keyring.tombstoneKey, missing)
  if (!missing.some((one) => claimedAt <= erasedAt(one))) return
  throw new AppError('conflict', 'the choice is older than the erasure of whoever made it: nothing is held of them', {
    code: CHOICE_OUTDATED,
  })
}

export const CHOICE_OUTDATED = 'choice-outdated'

/** What holds now, as GET tells it: of the user where there is one, else of the device; refusals of the cluster included. */
function replyOf(
  { device, user }: { device: Node | undefined; user: Node | undefined },
  recorded: Recorded,
): ConsentReply {
  const confirmed = user !== undefined || (device?.link?.confirmed ?? false)
  const linked = confirmed ? device?.link?.userConsent : undefined
  const view = viewOf({ device: device?.consent, user: user?.consent ?? linked, confirmed })
  const own = user ?? device
  return {
    choices: choicesOf(view.granted & ~view.refused, view.refused),
    consentEpoch: own?.consent?.epoch ?? recorded.state.epoch,
    recordId: recorded.recordId,
  }
}

function choicesOf(granted: PurposeMask, refused: PurposeMask): Partial<Record<Purpose, boolean>> {
  const choices: Partial<Record<Purpose, boolean>> = {}
  for (const purpose of purposesIn(granted)) choices[purpose] = true
  for (const purpose of purposesIn(refused)) choices[purpose] = false
  return choices
}

async function nodesOf(db: Db | Tx, ids: Ids): Promise<{ device: Node | undefined; user: Node | undefined }> {
  const nodes = await readNodes(
    db,
    [ids.device, ids.user].flatMap((id) => (id === undefined ? [] : [id])),
  )
  return {
    device: ids.device && nodes.get(indexText(ids.device.key)),
    user: ids.user && nodes.get(indexText(ids.user.key)),
  }
}

/** Of two that show a device's first secret at once, the second is a stranger: its choice is rolled back. */
async function keepSecret(tx: Tx, device: SubjectId, hash: Buffer): Promise<void> {
  const { rowCount } = await tx.$client.query(
    'update weir.consent_state set secret_hash = $2 where subject_id = $1 and (secret_hash is null or secret_hash = $2)',
    [device, hash],
  )
  if (rowCount !== 1) throw wrongDevice()
}

async function meter(
  deps: ConsentDeps,
  request: Pick<ConsentRequest, 'source' | 'addressPrefix'>,
  ids: Ids,
): Promise<void> {
  if (request.source.kind === 'server') return
  const { device, user } = await nodesOf(deps.db, ids)
  const makes = (ids.device !== undefined && device === undefined) || (ids.user !== undefined && user === undefined)
  if (makes && !deps.newSubjects.take(request.source.id, request.addressPrefix)) {
    throw new AppError('overloaded', 'too many new devices from this network: try again in a minute', {
      code: 'too-many-new-subjects',
      status: 429,
      retryAfter: 60,
    })
  }
}

/**
 * What holds now for somebody who has proven who they are: the choices as they count, refusals of the confirmed
 * cluster included. The audit entry is durable before this resolves. An unknown device or user has no choices.
 */
export async function readConsent(deps: ConsentDeps, speaker: Speaker): Promise<ConsentReply> {
  const proven = await prove(speaker, deps.verifySubjectToken, deps.keyring)
  const person = await provenNodes(deps, proven)
  const own = person.user ?? person.device
  await deps.audit.append({
    actor: `source:${speaker.source.id}`,
    action: 'consent.read',
    ...(own === undefined
      ? { resource: 'consent:unknown' }
      : { resource: 'consent', about: [{ subject: own.subject }] }),
    purpose: 'own-state',
  })
  // A claimed user's refusals count for this device's events, but are not this device's to see: anybody may claim.
  const linked = person.confirmed ? person.device?.link?.userConsent : undefined
  const view = viewOf({
    device: person.device?.consent,
    user: person.user?.consent ?? linked,
    confirmed: person.confirmed,
  })
  return {
    choices: choicesOf(view.granted & ~view.refused, view.refused),
    consentEpoch: own?.consent?.epoch ?? 0,
    recordId: own?.consent?.recordId ?? '',
  }
}

/** The device and user that a speaker has proven to be. Throws AppError forbidden for another device's secret. */
export async function provenNodes(
  deps: Pick<ConsentDeps, 'db' | 'keyring'>,
  proven: Proven,
): Promise<{ device: Node | undefined; user: Node | undefined; confirmed: boolean }> {
  const { device, user } = await withCurrentIndex(deps.keyring, () =>
    nodesOf(deps.db, presentedOf(deps.keyring, proven)),
  )
  if (device !== undefined && !sameDevice(device.secretHash, proven.secretHash)) throw wrongDevice()
  // A secret shown for a device that never showed one proves nothing yet: only a recorded choice binds it.
  const unproven = proven.proof === 'device-secret' && device?.secretHash === undefined
  return {
    device: unproven ? undefined : device,
    user,
    confirmed: user !== undefined || (device?.link?.confirmed ?? false),
  }
}
