import type { AccessSource } from './collect.ts'
import { PORTABILITY_SCHEMA, type ProvidedEvent } from './schema.ts'

/** Text of one file, in pieces. */
export type Pieces = AsyncGenerator<string>

/** The document as JSON (schema weir-access-1): small members first, each long one an entry a line. */
export async function* accessJson(source: AccessSource): Pieces {
  yield JSON.stringify(source.head, null, 2).replace(/\n\}$/, '')
  yield* list('events', source.events())
  yield* list('moduleRecords', moduleRecords(source))
  yield* list('accesses', source.accesses())
  yield '\n}\n'
}

/** What the person provided alone, as JSON (schema weir-portability-1). */
export async function* portabilityJson(source: AccessSource): Pieces {
  const { from, madeAt, requestId, you, consent } = source.head
  const head = {
    schema: PORTABILITY_SCHEMA,
    from,
    madeAt,
    requestId,
    identifiers: you.identifiers.map(({ type, value }) => ({ type, value })),
    consent: consent
      .filter(({ evidence }) => evidence !== 'carried') // our own doing, not theirs
      .map(({ at, askedGranted, askedRefused }) => ({ at, askedGranted, askedRefused })),
  }
  yield JSON.stringify(head, null, 2).replace(/\n\}$/, '')
  yield* list('events', providedEvents(source))
  yield '\n}\n'
}

/** Events as the person's own doing; what has no content any more is nothing that could be taken along. */
export async function* providedEvents(source: AccessSource): AsyncGenerator<ProvidedEvent[]> {
  for await (const page of source.events()) {
    yield page
      .filter(({ kind, fields }) => kind === 'event' && Object.keys(fields).length > 0)
      .map(({ at, event, source: from, fields }) => ({ at, event, source: from, fields }))
  }
}

async function* moduleRecords(source: AccessSource): AsyncGenerator<readonly unknown[]> {
  for (const table of source.tables) yield* source.moduleRows(table)
}

async function* list(name: string, pages: AsyncIterable<readonly unknown[]>): Pieces {
  yield `,\n  ${JSON.stringify(name)}: [`
  let isFirst = true
  for await (const page of pages) {
    if (page.length === 0) continue
    yield `${isFirst ? '' : ','}\n    ${page.map((one) => JSON.stringify(one)).join(',\n    ')}`
    isFirst = false
  }
  yield isFirst ? ']' : '\n  ]'
}
