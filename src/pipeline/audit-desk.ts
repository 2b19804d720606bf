import { type AboutSearch, ownAccesses, searchAboutPerson } from '../audit/about-people.ts'
import { proveDecision, proveEntry } from '../audit/prove-entry.ts'
import { newestNote, type ReadAuditDeps, recordLook } from '../audit/read.ts'
import { auditStatistics, checkpointHistory, exportEntries } from '../audit/report.ts'
import { prove, type Speaker } from '../consent/prove.ts'
import { provenNodes } from '../consent/service.ts'
import { AppError } from '../errors.ts'
import type { SubjectId } from '../event/ids.ts'
import type { AuditApi, PersonQuery } from '../http/audit-api.ts'
import { present } from '../identity/present.ts'
import { confirmedDevices, indexText, readNodes } from '../identity/read.ts'
import { withCurrentIndex } from '../identity/stale-index.ts'
import type { VerifySubjectToken } from '../identity/subject-token.ts'
import type { Keyring } from '../keys/keyring.ts'
import { findDecision } from './explain-decision.ts'
import type { PolicyShelf } from './policy-shelf.ts'
import { drawSample } from './sample.ts'

export interface AuditDeskDeps extends ReadAuditDeps {
  readonly keyring: Keyring
  readonly policies: PolicyShelf
  readonly classNames: () => ReadonlyMap<number, string>
  readonly verifySubjectToken: VerifySubjectToken
}

/** What officers, and people about themselves, are shown of the audit log. Every look is entered first. */
export function createAuditDesk(deps: AuditDeskDeps): AuditApi {
  const { db } = deps
  return {
    async proof({ index, by }) {
      await recordLook(deps, by, `audit:entry/${index}`)
      return proveEntry(db, BigInt(index))
    },
    async checkpoint() {
      const note = await newestNote(db)
      if (note === null) throw new AppError('not-found', 'nothing was entered in the audit log yet')
      return note
    },
    checkpoints: ({ cursor, limit }) =>
      checkpointHistory(db, { limit, ...(cursor === undefined ? {} : { before: cursor }) }),
    export: (search) => exportEntries(deps, search),
    statistics: (search) => auditStatistics(deps, search),
    sample: ({ by, ...query }) =>
      drawSample({ ...deps, classNames: deps.classNames() }, { ...query, actor: `${by.kind}:${by.id}` }),
    async aboutPerson({ identifier, ...search }) {
      return searchAboutPerson(deps, {
        ...search,
        subjects: await subjectsBehind(deps, identifier),
      } satisfies AboutSearch)
    },
    async ownAccesses({ cursor, limit, ...speaker }) {
      const subjects = await ownSubjects(deps, speaker)
      const page = { limit, ...(cursor === undefined ? {} : { cursor }) }
      return ownAccesses(deps, { subjects, by: { kind: 'source', id: String(speaker.source.id) }, ...page })
    },
    async decisionProof({ messageId, source, by }) {
      const found = await findDecision(deps, { messageId, ...(source === undefined ? {} : { source }) })
      const about = found?.row.subject_id == null ? {} : { about: [{ subject: found.row.subject_id }] }
      const record = await deps.audit.append({
        actor: `${by.kind}:${by.id}`,
        action: 'decision.read',
        resource: found === undefined ? 'decision:unknown' : `decision:${found.row.pos}`,
        purpose: 'explanation',
        outcome: found === undefined ? 'refused' : 'released',
        ...about,
      })
      if (found === undefined) throw new AppError('not-found', 'no decision of this message id is kept')
      await deps.sequencer.sequenced(record) // with it the group that the decision is in
      return proveDecision(db, found.row.pos)
    },
  }
}

/** The person behind an identifier, with the devices that are confirmed theirs. */
async function subjectsBehind(
  { db, keyring }: AuditDeskDeps,
  { type, value }: PersonQuery['identifier'],
): Promise<SubjectId[]> {
  const node = await withCurrentIndex(keyring, async () => {
    const presented = present(keyring, type, value)
    return presented === undefined ? undefined : (await readNodes(db, [presented])).get(indexText(presented.key))
  })
  if (node === undefined) return []
  return [node.subject, ...(await confirmedDevices(db, node.subject))]
}

/** A user has shown who they are for every device that is confirmed theirs; a device speaks for itself alone. */
async function ownSubjects(deps: AuditDeskDeps, speaker: Speaker): Promise<SubjectId[]> {
  const proven = await prove(speaker, deps.verifySubjectToken, deps.keyring)
  const { device, user } = await provenNodes(deps, proven)
  const devices = user === undefined ? [] : await confirmedDevices(deps.db, user.subject)
  return [...new Set([user?.subject, device?.subject, ...devices].filter((one) => one !== undefined))]
}
