import type { SubjectId } from '../../event/ids.ts'

/** What subjects are called in a document: `user-1`, `device-2`. Their own numbers would join it with what lies here. */
export interface Refs {
  of(subject: SubjectId): string
  /** Undefined for somebody who is not one of them. */
  known(subject: SubjectId): string | undefined
}

/** In the order given, each kind by itself. */
export function refsOf(subjects: readonly { readonly subject: SubjectId; readonly kind: 'user' | 'device' }[]): Refs {
  const names = new Map<SubjectId, string>()
  const count = { user: 0, device: 0 }
  for (const { subject, kind } of subjects) names.set(subject, `${kind}-${++count[kind]}`)
  const known = (subject: SubjectId): string | undefined => names.get(subject)
  return {
    known,
    of(subject) {
      const name = known(subject)
      if (name === undefined) throw new TypeError('somebody else’s row')
      return name
    },
  }
}
