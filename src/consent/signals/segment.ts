import { type Evidence, isCategoryName, MAX_CATEGORIES } from './categories.ts'

/**
 * Reads `context.consent.categoryPreferences` of Segment's consent wrapper: `{"Advertising": false, …}`. An empty
 * object is Segment's way to say that nothing is granted, and names nothing that could be mapped: unreadable, so that
 * everything that needs consent is refused.
 */
export function segmentEvidence(context: Readonly<Record<string, unknown>>): Evidence {
  const { consent } = context
  if (consent === undefined || consent === null) return 'absent'
  if (typeof consent !== 'object' || Array.isArray(consent)) return 'unreadable'
  const preferences = Object.hasOwn(consent, 'categoryPreferences')
    ? (consent as { categoryPreferences: unknown }).categoryPreferences
    : undefined
  if (preferences === undefined || preferences === null) return 'absent'
  if (typeof preferences !== 'object' || Array.isArray(preferences)) return 'unreadable'
  const stated = Object.entries(preferences)
  if (stated.length === 0 || stated.length > MAX_CATEGORIES) return 'unreadable'
  if (!stated.every(([name, value]) => isCategoryName(name) && typeof value === 'boolean')) return 'unreadable'
  return {
    granted: stated.filter(([, value]) => value === true).map(([name]) => name),
    refused: stated.filter(([, value]) => value === false).map(([name]) => name),
  }
}
