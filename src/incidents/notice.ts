import type { Law } from '../policy/compiled.ts'
import type { Counts, Group, Incident, Whom } from './incident.ts'
import { english } from './notice-en.ts'
import type { Figures, Wording } from './notice-wording.ts'
import { chinese } from './notice-zh.ts'
import { lawOf, PLACES } from './places.ts'
import { clocksIn } from './view.ts'
import { localTime } from './zone.ts'

export interface NoticeFacts {
  readonly incident: Incident
  readonly counts: Counts
  readonly laws: readonly Law[]
  /** Milliseconds since 1970. */
  readonly now: number
}

export interface NoticeKind {
  readonly law: Law
  readonly to: Whom
  readonly lang: 'zh-CN' | 'en'
}

const WORDINGS: Readonly<Record<NoticeKind['lang'], Wording>> = { en: english, 'zh-CN': chinese }

/**
 * A draft: what the law asks to be in the notice, the figures filled in, and a blank `[… what]` for what only people
 * know. Plain text, one section after the other. It is sent to nobody.
 */
export function draftNotice(facts: NoticeFacts, { law, to, lang }: NoticeKind): string {
  const wording = WORDINGS[lang]
  const figures = figuresOf(facts, law, to)
  const sections = wording.sections(law, to, figures).map(({ heading, lines }) => [heading, ...lines].join('\n'))
  return `${[wording.title(law, to), wording.banner(figures.clock).join('\n'), ...sections].join('\n\n')}\n`
}

function figuresOf({ incident, counts, laws, now }: NoticeFacts, law: Law, to: Whom): Figures {
  const { scope, knownAt, caseId, critical, highRisk } = incident
  const clocks = clocksIn(incident, laws, now).filter(({ clock }) => clock.law === law)
  const clock = clocks.find((one) => one.clock.whom === to)!
  const { zone } = clock.clock
  const at = (ms: number | undefined): string | undefined => (ms === undefined ? undefined : localTime(ms, zone))
  const { known = 0, unknown = 0 } = counts.laws[law] ?? {}
  return {
    law,
    caseId,
    scope,
    known,
    unknown,
    classes: classesUnder(counts, law),
    records: counts.records,
    erased: counts.erased,
    critical,
    highRisk,
    from: at(scope.from),
    to: at(scope.to),
    knownAt: at(knownAt)!,
    zone,
    clock,
    peopleToldAt: at(clocks.find((one) => one.clock.whom === 'people')?.toldAt),
  }
}

/** Of those who are known to be under the law, and of those who may be. */
function classesUnder({ places }: Counts, law: Law): [string, number][] {
  const place = PLACES.find((one) => lawOf(one) === law)!
  const groups: (Group | undefined)[] = [places[place], places.unknown]
  const sums = new Map<string, number>()
  for (const group of groups) {
    for (const [name, people] of Object.entries(group?.classes ?? {})) sums.set(name, (sums.get(name) ?? 0) + people)
  }
  return [...sums].sort(([a], [b]) => (a < b ? -1 : 1))
}
