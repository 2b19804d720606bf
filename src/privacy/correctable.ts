import type { CompiledPolicy } from '../policy/compiled.ts'
import { CONTACT } from '../rights/correct-contact.ts'
import type { Change } from '../rights/request.ts'

const CLASSES: ReadonlySet<string> = new Set(['identity', 'contact'])
/** What no person has wrong of themselves, or cannot judge by a form. */
const LEFT_OUT = /^traits\.(id$|avatar$|website$|company\.)/

export type Correctable = Pick<Change, 'event' | 'path'>

/**
 * What people can have corrected by a form: where they are written to, and the traits that say who they are, as far as the
 * policy lets any be kept. Everything else is asked of the shop.
 */
export function correctableFields({ events }: Pick<CompiledPolicy, 'events'>): Correctable[] {
  const contacts = ['email', 'phone'].map((path) => ({ event: CONTACT, path }))
  const rule = events.get('identify')
  if (rule === undefined || rule.routes.length === 0) return contacts
  const traits = [...rule.classOf]
    .filter(([path, name]) => CLASSES.has(name) && path.startsWith('traits.') && !LEFT_OUT.test(path))
    .map(([path]) => ({ event: 'identify', path }))
  return [...contacts, ...traits]
}

/** As the form's field names it. */
export function nameOf({ event, path }: Correctable): string {
  return event === CONTACT ? `${event}.${path}` : path
}
