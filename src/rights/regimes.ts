import type { Calendar } from './calendars.ts'
import type { Right } from './request.ts'

/** Under which law a request runs. */
export const REGIMES = ['PIPL', 'GDPR', 'UK-GDPR', 'CCPA', 'LGPD'] as const
export type Regime = (typeof REGIMES)[number]

/** How long, counted from the day the person asked; that day itself never counts. */
export type Term =
  | { readonly months: number }
  | { readonly days: number }
  | { readonly businessDays: number; readonly calendar: Calendar }
  /** The law says promptly, and no number. */
  | { readonly promptly: true }

/** How much longer somebody may decide to take, all told, who says why before the first term is over. */
export interface Extension {
  /** From the day the person asked, not from the end of the first term. */
  readonly atMost: Term
  readonly article: string
}

/** One duty of one regime. Data with where it comes from: no code knows a number of a law. */
export interface Deadline {
  readonly id: string
  readonly regime: Regime
  readonly rights: readonly Right[]
  readonly duty: 'acknowledge' | 'answer'
  /** `guidance`: an authority's or a standard's measure, which is shown beside the law's and never put in its place. */
  readonly force: 'law' | 'guidance'
  readonly term: Term
  /** Every regime here counts from receipt, time for proving who asks included. */
  readonly startsWhen: 'received'
  readonly extension?: Extension
  readonly zone: string
  readonly article: string
  readonly source: string
  /** When the source was read, or has been in force from: YYYY-MM-DD. */
  readonly sourceDate: string
  readonly confidence: 'text-seen' | 'known' | 'unsure'
  /** What was taken for granted, for counsel to check. */
  readonly assumption: string
}

/** Our own promise, to everybody, whatever the law: calendar days from receipt. */
export const TARGET_DAYS = 15

const ALL: readonly Right[] = ['access', 'portability', 'correction', 'erasure', 'restriction', 'objection']
const KNOW_DELETE_CORRECT: readonly Right[] = ['access', 'portability', 'erasure', 'correction']
const OPT_OUT_LIMIT: readonly Right[] = ['objection', 'restriction']

const SHANGHAI = 'Asia/Shanghai'
const BRUSSELS = 'Europe/Brussels'
const LONDON = 'Europe/London'
const CALIFORNIA = 'America/Los_Angeles'
const SAO_PAULO = 'America/Sao_Paulo'

export const DEADLINES: readonly Deadline[] = [
  {
    id: 'cn-pipl-answer',
    regime: 'PIPL',
    rights: ALL,
    duty: 'answer',
    force: 'law',
    term: { promptly: true },
    startsWhen: 'received',
    extension: {
      atMost: { businessDays: 15, calendar: 'CN' },
      article: 'App 违法违规收集使用个人信息行为认定方法, 六',
    },
    zone: SHANGHAI,
    article: 'PIPL art. 45–47, 50',
    source: 'personalinformationprotectionlaw.com',
    sourceDate: '2021-11-01',
    confidence: 'text-seen',
    assumption:
      'The law says promptly (及时) and no number, so that there is no legal due date: our own promise stands for it. The Network Data regulation (2025-01-01) art. 23 was seen in fragments and has no number there; the 15 working days of its 2021 draft are not law.',
  },
  {
    id: 'cn-app-method',
    regime: 'PIPL',
    rights: ALL,
    duty: 'answer',
    force: 'guidance',
    term: { businessDays: 15, calendar: 'CN' },
    startsWhen: 'received',
    zone: SHANGHAI,
    article: 'App 违法违规收集使用个人信息行为认定方法 (国信办秘字〔2019〕191号), 六',
    source:
      'the clause on complaints was seen; the same for correction, deletion and closing an account is from knowledge',
    sourceDate: '2019-11-28',
    confidence: 'known',
    assumption: 'Whoever promises a time may promise 15 working days at most; it is taken to hold for every right.',
  },
  {
    id: 'cn-gbt-35273',
    regime: 'PIPL',
    rights: ALL,
    duty: 'answer',
    force: 'guidance',
    term: { days: 30 },
    startsWhen: 'received',
    zone: SHANGHAI,
    article: 'GB/T 35273-2020 § 8.7',
    source: 'general knowledge of the standard; its section number was seen',
    sourceDate: '2020-10-01',
    confidence: 'known',
    assumption: 'A recommended standard: 30 days, or what a law says.',
  },
  {
    id: 'eu-gdpr-answer',
    regime: 'GDPR',
    rights: ALL,
    duty: 'answer',
    force: 'law',
    term: { months: 1 },
    startsWhen: 'received',
    extension: {
      atMost: { months: 3 },
      article: 'GDPR art. 12(3): two further months, with reasons, within the first',
    },
    zone: BRUSSELS,
    article: 'GDPR art. 12(3)',
    source: 'Regulation (EU) 2016/679',
    sourceDate: '2026-11-22',
    confidence: 'text-seen',
    assumption:
      'A calendar month. Where it ends on a weekend or holiday the next working day may do (Regulation 1182/71 art. 3(4)): never made use of here. Changes of art. 12(5) by the Digital Omnibus were not found.',
  },
  {
    id: 'uk-gdpr-answer',
    regime: 'UK-GDPR',
    rights: ALL,
    duty: 'answer',
    force: 'law',
    term: { months: 1 },
    startsWhen: 'received',
    extension: { atMost: { months: 3 }, article: 'UK GDPR art. 12(3)' },
    zone: LONDON,
    article: 'UK GDPR art. 12(3), 12A',
    source: 'general knowledge of the UK GDPR and the Data (Use and Access) Act 2025',
    sourceDate: '2026-11-22',
    confidence: 'known',
    assumption:
      'The clock may be stopped while a needed clarification or proof of identity is awaited (2025 Act): never made use of here.',
  },
  {
    id: 'us-ca-confirm',
    regime: 'CCPA',
    rights: KNOW_DELETE_CORRECT,
    duty: 'acknowledge',
    force: 'law',
    term: { businessDays: 10, calendar: 'US' },
    startsWhen: 'received',
    zone: CALIFORNIA,
    article: '11 CCR § 7021(a)',
    source: 'California Consumer Privacy Act Regulations',
    sourceDate: '2026-11-22',
    confidence: 'text-seen',
    assumption:
      'Business days are those of the federal calendar: the state’s own holidays are counted, so that it ends sooner.',
  },
  {
    id: 'us-ca-answer',
    regime: 'CCPA',
    rights: KNOW_DELETE_CORRECT,
    duty: 'answer',
    force: 'law',
    term: { days: 45 },
    startsWhen: 'received',
    extension: { atMost: { days: 90 }, article: '11 CCR § 7021(b): 45 more, with notice and an explanation' },
    zone: CALIFORNIA,
    article: '11 CCR § 7021(b), Cal. Civ. Code § 1798.130(a)(2)',
    source: 'California Consumer Privacy Act Regulations',
    sourceDate: '2026-11-22',
    confidence: 'text-seen',
    assumption: 'From receipt, time for verification included. Portability is part of the request to know.',
  },
  {
    id: 'us-ca-opt-out',
    regime: 'CCPA',
    rights: OPT_OUT_LIMIT,
    duty: 'answer',
    force: 'law',
    term: { businessDays: 15, calendar: 'US' },
    startsWhen: 'received',
    zone: CALIFORNIA,
    article: '11 CCR §§ 7026(f), 7027(g)',
    source: 'general knowledge; the Attorney General’s page says at most 15 business days',
    sourceDate: '2026-11-22',
    confidence: 'known',
    assumption: 'An objection is taken for an opt-out, a restriction for the right to limit. It cannot be extended.',
  },
  {
    id: 'br-lgpd-answer',
    regime: 'LGPD',
    rights: ['access'],
    duty: 'answer',
    force: 'law',
    term: { days: 15 },
    startsWhen: 'received',
    zone: SAO_PAULO,
    article: 'LGPD art. 19 II',
    source: 'Lei 13.709/2018',
    sourceDate: '2026-11-22',
    confidence: 'text-seen',
    assumption: 'The full statement; the simplified one is due at once (19 I).',
  },
  {
    id: 'br-lgpd-promptly',
    regime: 'LGPD',
    rights: ['portability', 'correction', 'erasure', 'restriction', 'objection'],
    duty: 'answer',
    force: 'law',
    term: { promptly: true },
    startsWhen: 'received',
    zone: SAO_PAULO,
    article: 'LGPD art. 18 § 4–5',
    source: 'general knowledge of Lei 13.709/2018',
    sourceDate: '2026-11-22',
    confidence: 'unsure',
    assumption: 'No fixed term is known for other rights than confirmation and access.',
  },
]

/** Whether a word of outside, or of the database, is a regime of these. */
export function isRegime(word: string): word is Regime {
  return (REGIMES as readonly string[]).includes(word)
}
