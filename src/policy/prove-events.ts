import type { DestinationEntry, PolicyDocument } from './document.ts'
import { type ClassifiedField, type Complain, fieldsOf, fieldsRoot, lastName, own, type StatedEvent } from './fields.ts'
import { short } from './yaml.ts'

/** An index of an event is 16 bits in log rows. */
const MAX_EVENTS = 1000

/** Complains of what events and their routes leave open: deny by default needs every field named and classified. */
export function proveEvents(document: PolicyDocument, events: readonly StatedEvent[], complain: Complain): void {
  const names = new Set<string>()
  if (events.length > MAX_EVENTS) complain(['events'], `more than ${MAX_EVENTS} events`, 'write fewer')
  for (const event of events.slice(0, MAX_EVENTS)) {
    const fields = fieldsOf(document, event, complain)
    for (const field of fields) names.add(lastName(field.path))
    for (const field of fields) proveField(field, complain)
    proveRoutes(document, event, fields, complain)
    if (event.entry.totals === true && event.type !== 'track') {
      complain([...event.stated, 'totals'], 'totals count tracked orders only', 'take totals out')
    }
  }
  for (const name of Object.keys(document.tokens ?? {})) {
    if (!names.has(name))
      complain(['tokens', name], `no event has a field \`${short(name)}\``, 'take it out or classify it')
  }
}

function proveField(field: ClassifiedField, complain: Complain): void {
  if (field.fieldClass === 'unclassified') {
    complain(
      field.stated,
      'unclassified is for fields that nobody has named',
      'choose the class that the field belongs to',
    )
  }
}

function proveRoutes(
  document: PolicyDocument,
  event: StatedEvent,
  fields: readonly ClassifiedField[],
  complain: Complain,
): void {
  const byPath = new Map(fields.map((field) => [field.path, field]))
  for (const [name, route] of Object.entries(event.entry.routes ?? {})) {
    const stated = [...event.stated, 'routes', name]
    const destination = own(document.destinations, name)
    if (destination === undefined) {
      const known = Object.keys(document.destinations).join(', ')
      complain(stated, `there is no destination \`${short(name)}\``, `write one of: ${known}`)
      continue
    }
    if (route.purpose !== destination.purpose) {
      const what = `the route serves ${route.purpose}, its destination ${destination.purpose}`
      complain([...stated, 'purpose'], what, `write purpose: ${destination.purpose}`)
    }
    const seen = new Set<string>()
    for (const [i, path] of route.fields.entries()) {
      const place = [...stated, 'fields', i]
      const field = byPath.get(path)
      if (seen.has(path)) complain(place, `${short(path)} stands twice`, 'keep one of the two')
      seen.add(path)
      if (field === undefined) complain(place, ...unknownField(event, path, byPath))
      else proveReach(document, { name, entry: destination }, field, (what, fix) => complain(place, what, fix))
    }
  }
}

function unknownField(
  event: StatedEvent,
  path: string,
  known: ReadonlyMap<string, ClassifiedField>,
): [what: string, fix: string] {
  if (path.includes('*')) return ['a route takes no wildcard', 'name every field that may pass']
  const full = [`${fieldsRoot(event.type)}.${path}`, `context.${path}`].find((candidate) => known.has(candidate))
  const what = `${short(path)} is not a classified field of ${short(event.name)}`
  return [what, full === undefined ? 'classify it under fields: first, or correct the path' : `write ${full}`]
}

function proveReach(
  document: PolicyDocument,
  destination: { readonly name: string; readonly entry: DestinationEntry },
  field: ClassifiedField,
  complain: (what: string, fix: string) => void,
): void {
  const { may_reach: reach = 'anyone', separate_consent: separate = false } = document.classes[field.fieldClass] ?? {}
  const { name, entry } = destination
  if (reach === 'nobody') {
    complain(`${field.path} is ${field.fieldClass}, which is handed to nobody`, 'take it out of the route')
  }
  if (reach === 'ourselves' && entry.role !== 'self' && entry.role !== 'entrusted') {
    complain(
      `${field.path} is ${field.fieldClass}, which ${name} may not have (role ${entry.role})`,
      'take it out of the route',
    )
  }
  if (separate && entry.pia_ref === undefined) {
    const what = `${field.path} is sensitive: ${name} needs an impact assessment and a separate consent (PIPL 29, 55)`
    complain(what, `write pia_ref: under destinations: ${name}:, or take the field out of the route`)
  }
}
