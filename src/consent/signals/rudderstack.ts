import { type Evidence, isCategoryName, MAX_CATEGORIES } from './categories.ts'

/**
 * Reads `context.consentManagement{allowedConsentIds,deniedConsentIds}` of RudderStack's clients. Empty lists say
 * nothing: the ledger alone decides then (RudderStack's own server delivers everywhere).
 */
export function rudderstackEvidence(context: Readonly<Record<string, unknown>>): Evidence {
  const { consentManagement } = context
  if (consentManagement === undefined || consentManagement === null) return 'absent'
  if (typeof consentManagement !== 'object' || Array.isArray(consentManagement)) return 'unreadable'
  const granted = names(consentManagement, 'allowedConsentIds')
  const refused = names(consentManagement, 'deniedConsentIds')
  if (granted === undefined || refused === undefined) return 'unreadable'
  if (granted.length + refused.length > MAX_CATEGORIES) return 'unreadable'
  return granted.length + refused.length === 0 ? 'absent' : { granted, refused }
}

function names(holder: object, key: string): readonly string[] | undefined {
  const list: unknown = Object.hasOwn(holder, key) ? (holder as Record<string, unknown>)[key] : undefined
  if (list === undefined || list === null) return []
  return Array.isArray(list) && list.length <= MAX_CATEGORIES && list.every(isCategoryName) ? list : undefined
}
