import type { SubjectId } from '../../event/ids.ts'
import type { PrivacyDeps } from '../deps.ts'

/** Enters that a person looks at what is held of them: before anything is read of it (law 6). */
export async function recordOwnLook(
  { audit }: Pick<PrivacyDeps, 'audit'>,
  page: string,
  subjects: readonly SubjectId[],
): Promise<void> {
  await audit.append({
    actor: 'weir',
    action: 'privacy.read',
    resource: `privacy:${page}`,
    purpose: 'own-state',
    about: subjects.map((subject) => ({ subject })),
    more: { by: 'person' },
  })
}
