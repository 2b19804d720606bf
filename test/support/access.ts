import type { SubjectId } from '../../src/event/ids.ts'
import { type AccessAsk, collectAccess } from '../../src/rights/access/collect.ts'
import type { AccessDocument } from '../../src/rights/access/schema.ts'
import { subjectsBehind } from '../../src/rights/people.ts'
import type { TestApp } from './test-app.ts'

export const BY_OPERATOR: AccessAsk['entry'] = { actor: 'cli', resource: 'person', caseId: 'CASE-1' }

export async function subjectsOfUser({ app }: TestApp, userId: string): Promise<SubjectId[]> {
  const { db, keyring } = app.rights.deps
  return subjectsBehind(db, keyring, [{ type: 'user_id', value: userId, verified: true }])
}

/** Everything held of a user and the devices that are theirs. */
export async function accessOf(shop: TestApp, userId: string): Promise<AccessDocument> {
  const subjects = await subjectsOfUser(shop, userId)
  return collectAccess(shop.app.rights.deps, { subjects, requestId: undefined, entry: BY_OPERATOR })
}
