import type { CompiledPolicy } from '../policy/compiled.ts'

const CLASSES: ReadonlySet<string> = new Set(['identity', 'contact'])

/** What people can have corrected by a form: the traits that say who they are and how to reach them. */
export function correctablePaths({ events }: Pick<CompiledPolicy, 'events'>): string[] {
  const rule = events.get('identify')
  if (rule === undefined) return []
  return [...rule.classOf]
    .filter(([path, name]) => CLASSES.has(name) && path.startsWith('traits.'))
    .map(([path]) => path)
}
