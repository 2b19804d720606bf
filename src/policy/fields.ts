import type { EventType } from '../event/event.ts'
import type { TokenKind } from './compiled.ts'
import type { EventEntry, FieldGroup, PolicyDocument } from './document.ts'
import { buildTrie, splitPath } from './trie.ts'
import { short } from './yaml.ts'

/** One field of an event as the text classifies it. */
export interface ClassifiedField {
  /** For instance `properties.products[].price`. */
  readonly path: string
  readonly fieldClass: string
  readonly token?: TokenKind
  /** Keys that lead to its place in the text. */
  readonly stated: readonly PropertyKey[]
}

/** Called with the place, what is wrong and what to write. */
export type Complain = (stated: readonly PropertyKey[], what: string, fix: string) => void

export interface StatedEvent {
  readonly key: string
  readonly name: string
  readonly type: EventType
  readonly entry: EventEntry
  readonly stated: readonly PropertyKey[]
}

/** Names and groups looked at for one event: bounds what groups that include groups can grow to. */
const MAX_LOOKED_AT = 2000

/** The entry itself, never something that every object inherits (`toString` is a possible field name). */
export function own<T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined
}

/** `properties.products[].order_id` → `order_id`. */
export function lastName(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1)
}

/** Every event of the document: `track:Order Completed`, `identify`, `page` … */
export function statedEvents(document: PolicyDocument): StatedEvent[] {
  const { track, ...calls } = document.events
  const tracked = Object.entries(track).map(([name, entry]): StatedEvent => {
    return { key: `track:${name}`, name, type: 'track', entry, stated: ['events', 'track', name] }
  })
  const called = Object.entries(calls).map(([type, entry]): StatedEvent => {
    return { key: type, name: type, type: type as EventType, entry: entry ?? {}, stated: ['events', type] }
  })
  return [...tracked, ...called]
}

/** Where an event's own fields stand: traits of identify and group, else properties. */
export function fieldsRoot(type: EventType): 'traits' | 'properties' {
  return type === 'identify' || type === 'group' ? 'traits' : 'properties'
}

/** The event's fields with those of the shared context, groups resolved, in code-point order of their paths. */
export function fieldsOf(document: PolicyDocument, event: StatedEvent, complain: Complain): ClassifiedField[] {
  const collected = new Collected(document, complain)
  if (event.entry.fields !== undefined) {
    collected.group(event.entry.fields, `${fieldsRoot(event.type)}.`, [...event.stated, 'fields'])
  }
  if (document.context !== undefined) collected.group(document.context, 'context.', ['context'])
  const fields = [...collected.fields.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
  for (const path of buildTrie(fields.map((field) => field.path)).conflicts) {
    const field = fields.find((candidate) => candidate.path === path)
    complain(
      field?.stated ?? event.stated,
      `${path} is classified as two shapes`,
      'keep it a value, an object or a list',
    )
  }
  return fields
}

class Collected {
  readonly fields = new Map<string, ClassifiedField>()
  readonly #document: PolicyDocument
  readonly #complain: Complain
  /** Groups being resolved now: one that is met again includes itself. */
  readonly #open = new Set<string>()
  #lookedAt = 0

  constructor(document: PolicyDocument, complain: Complain) {
    this.#document = document
    this.#complain = complain
  }

  /** Adds a group's fields under a prefix such as `properties.` or `properties.products[].`. */
  group(group: FieldGroup, prefix: string, stated: readonly PropertyKey[]): void {
    for (const [key, names] of Object.entries(group)) {
      const here = [...stated, key]
      if (key === 'include') this.#each(names, here, (name, place) => this.#include(name, prefix, place))
      else if (key.endsWith('[]')) this.#list(key, names, prefix, here)
      else if (own(this.#document.classes, key) === undefined) this.#noClass(key, here)
      else this.#each(names, here, (name, place) => this.#field(name, key, prefix, place))
    }
  }

  #each(
    names: readonly string[],
    stated: readonly PropertyKey[],
    add: (name: string, place: readonly PropertyKey[]) => void,
  ): void {
    for (const [i, name] of names.entries()) {
      if (++this.#lookedAt === MAX_LOOKED_AT) {
        this.#complain(stated, `more than ${MAX_LOOKED_AT} fields and groups in one event`, 'classify or include fewer')
      }
      if (this.#lookedAt >= MAX_LOOKED_AT) return
      add(name, [...stated, i])
    }
  }

  #list(key: string, names: readonly string[], prefix: string, stated: readonly PropertyKey[]): void {
    if (splitPath(key) === undefined) {
      this.#complain(stated, `\`${short(key)}\` names no list`, 'write the list field and [], for instance products[]')
    } else this.#each(names, stated, (name, place) => this.#include(name, `${prefix}${key}.`, place))
  }

  #include(name: string, prefix: string, stated: readonly PropertyKey[]): void {
    const group = own(this.#document.fields, name)
    if (group === undefined) {
      this.#complain(stated, `there is no group of fields \`${short(name)}\``, this.#knownGroups())
    } else if (this.#open.has(name)) {
      this.#complain(stated, `\`${name}\` includes itself`, 'take the include out')
    } else {
      this.#open.add(name)
      this.group(group, prefix, ['fields', name])
      this.#open.delete(name)
    }
  }

  #knownGroups(): string {
    const known = Object.keys(this.#document.fields ?? {})
    if (known.length === 0) return 'write the group under `fields:` first'
    const more = known.length > 20 ? ` and ${known.length - 20} more` : ''
    return `write one of ${known.slice(0, 20).map(short).join(', ')}${more}`
  }

  #field(name: string, fieldClass: string, prefix: string, stated: readonly PropertyKey[]): void {
    const path = `${prefix}${name}`
    if (splitPath(path) === undefined) {
      const named = 'write a name such as sku or address.city'
      const fix = name.includes('*') ? 'name every field: wildcards are not read' : named
      this.#complain(stated, `\`${short(name)}\` is no field name`, fix)
      return
    }
    const before = this.fields.get(path)
    if (before !== undefined && before.fieldClass !== fieldClass) {
      this.#complain(stated, `${short(path)} is both ${before.fieldClass} and ${fieldClass}`, 'classify it once')
    }
    if (before !== undefined) return
    const token = own(this.#document.tokens, lastName(path))
    this.fields.set(path, { path, fieldClass, stated, ...(token === undefined ? {} : { token }) })
  }

  #noClass(key: string, stated: readonly PropertyKey[]): void {
    const known = Object.keys(this.#document.classes).join(', ')
    const fix = `write one of ${known}, include, or a list such as products[]`
    this.#complain(stated, `there is no class \`${short(key)}\``, fix)
  }
}
