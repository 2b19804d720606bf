import type { Law } from '../policy/compiled.ts'
import type { Whom } from './incident.ts'

/** How long a law gives, and from when. */
export type Term =
  | { readonly hours: number }
  /** Calendar days, in the law's own zone. */
  | { readonly days: number }
  /** At once, or without undue delay: the law names no number, so that there is no due time. */
  | { readonly atOnce: true }

/** What has to hold for a clock to bind, beside that somebody under its law is touched. */
export type Condition =
  /** Nothing else. */
  | 'always'
  /** The incident is "larger" or worse: so many people, or other grounds that only people can judge. */
  | 'larger'
  /** A risk to people: not where it is unlikely. */
  | 'risk'
  | 'high-risk'
  /** More than so many residents have to be told, and were. */
  | 'many-told'

/** One duty to tell somebody in time. Data with where it comes from: no code knows a number of a law. */
export interface LawClock {
  readonly id: string
  readonly law: Law
  readonly whom: Whom
  /** Whom exactly. */
  readonly authority: string
  readonly term: Term
  /** The term for operators of critical information infrastructure, where it is another one. */
  readonly criticalTerm?: Term
  readonly startsWhen: 'known' | 'people-told'
  readonly condition: Condition
  /** Of `larger` and `many-told`: this many people make it certain; fewer prove nothing. */
  readonly threshold?: number
  readonly zone: string
  readonly article: string
  readonly source: string
  /** When the source was read, or has been in force from: YYYY-MM-DD. */
  readonly sourceDate: string
  /** `read`: in a text of the law or about it; `unread`: from general knowledge, to be checked before it is relied on. */
  readonly confidence: 'read' | 'unread'
  /** What was taken for granted, for counsel to check. */
  readonly assumption: string
}

const SHANGHAI = 'Asia/Shanghai'
const BRUSSELS = 'Europe/Brussels'
const CALIFORNIA = 'America/Los_Angeles'

export const LAW_CLOCKS: readonly LawClock[] = [
  {
    id: 'cn-measures-authority',
    law: 'PIPL',
    whom: 'authority',
    authority: 'provincial Cyberspace Administration (省级网信部门)',
    term: { hours: 4 },
    criticalTerm: { hours: 1 },
    startsWhen: 'known',
    condition: 'larger',
    threshold: 1_000_000,
    zone: SHANGHAI,
    article: 'National Cybersecurity Incident Reporting Measures (PIPL art. 57)',
    source: 'text on qdubb.cn; in force since the date given',
    sourceDate: '2025-11-01',
    confidence: 'read',
    assumption:
      'A "larger" incident begins at 1,000,000 people as in the annex of the 2023 draft; the final annex and its other grounds (loss, outage, important data) were not read.',
  },
  {
    id: 'cn-pipl-authority',
    law: 'PIPL',
    whom: 'authority',
    authority: 'department with personal information protection duties (履行个人信息保护职责的部门)',
    term: { atOnce: true },
    startsWhen: 'known',
    condition: 'always',
    zone: SHANGHAI,
    article: 'PIPL art. 57',
    source: 'personalinformationprotectionlaw.com',
    sourceDate: '2021-11-01',
    confidence: 'read',
    assumption: 'Art. 57 applies also to what may have leaked, been altered or lost, without a threshold.',
  },
  {
    id: 'cn-pipl-people',
    law: 'PIPL',
    whom: 'people',
    authority: 'the individuals (个人)',
    term: { atOnce: true },
    startsWhen: 'known',
    condition: 'risk',
    zone: SHANGHAI,
    article: 'PIPL art. 57',
    source: 'personalinformationprotectionlaw.com',
    sourceDate: '2021-11-01',
    confidence: 'read',
    assumption:
      'People need not be told where the measures taken effectively avoid the harm; the authority may order it even so.',
  },
  {
    id: 'eu-gdpr-authority',
    law: 'GDPR',
    whom: 'authority',
    authority: 'lead supervisory authority',
    term: { hours: 72 },
    startsWhen: 'known',
    condition: 'risk',
    zone: BRUSSELS,
    article: 'GDPR art. 33(1)',
    source: 'Regulation (EU) 2016/679; a change to 96 h (COM 2025-11-19) is a proposal',
    sourceDate: '2026-11-22',
    confidence: 'read',
    assumption:
      'A risk to people is assumed until somebody has judged it unlikely and documented it (art. 33(5)). Weekends and holidays count.',
  },
  {
    id: 'eu-gdpr-people',
    law: 'GDPR',
    whom: 'people',
    authority: 'the data subjects',
    term: { atOnce: true },
    startsWhen: 'known',
    condition: 'high-risk',
    zone: BRUSSELS,
    article: 'GDPR art. 34(1), (3)',
    source: 'Regulation (EU) 2016/679',
    sourceDate: '2026-11-22',
    confidence: 'read',
    assumption:
      'Only where the risk is high; not where the data were unintelligible to whoever got them, or the risk was removed since.',
  },
  {
    id: 'us-ca-people',
    law: 'CCPA',
    whom: 'people',
    authority: 'the California residents',
    term: { days: 30 },
    startsWhen: 'known',
    condition: 'risk',
    zone: CALIFORNIA,
    article: 'Cal. Civ. Code § 1798.82(a) as amended by SB 446',
    source: 'general knowledge of SB 446 (2025)',
    sourceDate: '2026-01-01',
    confidence: 'unread',
    assumption:
      'Applies to unencrypted "personal information" as § 1798.82(h) defines it; every number of the United States is taken for a Californian one.',
  },
  {
    id: 'us-ca-authority',
    law: 'CCPA',
    whom: 'authority',
    authority: 'Attorney General of California',
    term: { days: 15 },
    startsWhen: 'people-told',
    condition: 'many-told',
    threshold: 501,
    zone: CALIFORNIA,
    article: 'Cal. Civ. Code § 1798.82(f) as amended by SB 446',
    source: 'general knowledge of SB 446 (2025)',
    sourceDate: '2026-01-01',
    confidence: 'unread',
    assumption: 'Counts from the notice to residents, where it went to more than 500 of them.',
  },
]
