import type { Law } from '../policy/compiled.ts'
import type { Clock } from './clocks.ts'
import type { Scope } from './incident.ts'
import { blank, type Figures, type Section, type Wording } from './notice-wording.ts'

const CLASSES: Readonly<Record<string, string>> = {
  identity: 'identifiers of the account or device',
  contact: 'contact details',
  behaviour: 'pages and products looked at, and actions on the site',
  order: 'orders and their amounts',
  technical: 'network, device and language',
  text: 'free text that people wrote',
  sensitive: 'sensitive personal data',
  unclassified: 'fields that nobody has classified',
}

const LAWS: Readonly<Record<Law, string>> = {
  PIPL: 'Personal Information Protection Law of the PRC, art. 57',
  GDPR: 'Regulation (EU) 2016/679',
  CCPA: 'California Civil Code § 1798.82',
}

/** Drafts in English. */
export const english: Wording = {
  title(law, to) {
    if (law === 'CCPA' && to === 'people') return 'NOTICE OF DATA BREACH'
    const whom = to === 'authority' ? 'Notification to the authority' : 'Notice to the people concerned'
    return `${whom} of a personal data incident (${LAWS[law]})`
  },
  banner: ({ clock, term, dueLocal, applies }: Clock) => [
    'DRAFT. Not sent. Figures are as counted; whatever stands in [… ] is for people to fill in, and counsel to check.',
    `To: ${clock.authority}. Under: ${clock.article}. Due: ${dueLocal ?? without(term)}.`,
    ...(applies === 'yes' ? [] : [`Whether it applies is to be checked: ${clock.assumption}`]),
  ],
  sections(law, to, figures) {
    if (to === 'authority') return law === 'PIPL' ? toCac(figures) : law === 'GDPR' ? toDpa(figures) : toAg(figures)
    return law === 'CCPA' ? toResidents(figures) : toPeople(law, figures)
  },
}

/** In words, where there is no time: none is named, or it has not begun. */
function without(term: Clock['term']): string {
  if ('days' in term) return `${term.days} days after the people are told`
  if ('hours' in term) return `${term.hours} hours after the people are told`
  return 'without undue delay; the law sets no fixed term'
}

function toCac(figures: Figures): Section[] {
  return [
    section('1. Who reports', [
      blank('name, address and unified social credit code of the handler'),
      `System: ${blank('name and function of the system, its classified protection grade')}`,
      `Operator of critical information infrastructure: ${figures.critical ? 'yes' : 'no'}`,
    ]),
    section('2. Time, place, kind and grade', [...times(figures), blank('place, and grade of the incident')]),
    section('3. Kinds of personal information, and how many people', numbers(figures)),
    section('4. Cause', [what(figures.scope), blank('cause as far as it is known: what was exploited, and how')]),
    section('5. Harm that has come or may come of it', [blank('influence and harm so far, and how it may go on')]),
    section('6. Remedial measures taken, and their effect', [blank('what was done, when, and what it achieved')]),
    section('7. What people can do to reduce the harm', [blank('measures for the people concerned')]),
    section('8. Whether people were told', [told(figures)]),
    section('9. Traces, further measures, help that is asked for', [blank('traces; what is planned; what is needed')]),
    section('10. Contact', [contact()]),
  ]
}

function toDpa(figures: Figures): Section[] {
  return [
    section('1. Controller', [blank('name and address of the controller, and its representative in the Union')]),
    section('2. Nature of the breach (art. 33(3)(a))', [
      what(figures.scope),
      ...times(figures),
      blank('confidentiality, integrity or availability; how it happened'),
    ]),
    section('3. Categories and approximate numbers of data subjects and records (art. 33(3)(a))', [
      ...numbers(figures),
      `Records, of all people: about ${figures.records}.`,
    ]),
    section('4. Data protection officer, or other contact (art. 33(3)(b))', [contact()]),
    section('5. Likely consequences (art. 33(3)(c))', [blank('likely consequences for the data subjects')]),
    section('6. Measures taken or proposed (art. 33(3)(d))', [blank('measures, also those that mitigate its effects')]),
    section('7. Communication to the data subjects (art. 34)', [
      `High risk: ${figures.highRisk ? 'yes' : blank('yes or no, and why')}`,
      told(figures),
    ]),
    section('8. If this comes after 72 hours: the reasons (art. 33(1))', [
      blank('reasons for the delay, or "not late"'),
    ]),
    section('9. What will follow in phases (art. 33(4))', [blank('what is not known yet, and by when it will be')]),
  ]
}

function toAg(figures: Figures): Section[] {
  return [
    section('1. Business', [blank('name and address of the business')]),
    section('2. Dates', [...times(figures), told(figures)]),
    section('3. Californians concerned, and types of information', numbers(figures)),
    section('4. Nature of the breach', [what(figures.scope), blank('how it happened')]),
    section('5. Delay because of an investigation by law enforcement', [blank('yes or no, and which agency')]),
    section('6. Sample copy of the notice to residents', [blank('attach it without personal information')]),
    section('7. Contact', [contact()]),
  ]
}

function toPeople(law: Law, figures: Figures): Section[] {
  const article = law === 'PIPL' ? '' : ' (art. 34(2))'
  return [
    section('What happened', [...when(figures), blank('in plain words: what happened, and why')]),
    section('Which of your data it may concern', kinds(figures)),
    section(`What may come of it${article}`, [blank('possible harm, in plain words')]),
    section('What we have done', [blank('measures taken and planned')]),
    section('What you can do', [
      'Be careful with messages that name our shop and ask for a password, a code or a payment.',
      blank('further measures: change a password, watch an account'),
    ]),
    section('Whom to ask', [contact()]),
  ]
}

/** Headings in the words of § 1798.82(d)(1). */
function toResidents(figures: Figures): Section[] {
  return [
    section('Date of this notice', [blank('date')]),
    section('What Happened', [
      ...when(figures),
      blank('a general description of the breach; whether law enforcement delayed this notice'),
    ]),
    section('What Information Was Involved', kinds(figures)),
    section('What We Are Doing', [blank('measures taken and planned')]),
    section('What You Can Do', [
      'Be careful with messages that name our shop and ask for a password, a code or a payment.',
      blank(
        'further measures; where social security or licence numbers were exposed: the credit agencies, and 12 months of identity theft prevention',
      ),
    ]),
    section('For More Information', [blank('name of the business, toll-free number, address, website')]),
  ]
}

function section(heading: string, lines: readonly string[]): Section {
  return { heading, lines }
}

function contact(): string {
  return blank('name, telephone and e-mail of the contact, and of the data protection officer')
}

function numbers(figures: Figures): string[] {
  const { known, unknown, classes, erased } = figures
  return [
    `People: ${known} known to be under this law; ${unknown} more whose place is unknown and who may be.`,
    ...classes.map(([name, people]) => `- ${CLASSES[name] ?? `fields of the class "${name}"`}: ${people} people`),
    ...(classes.length === 0 ? [`- ${blank('kinds of data: the records do not say')}`] : []),
    ...gone(erased),
  ]
}

function gone({ people, records }: Figures['erased']): string[] {
  if (people === 0 && records === 0) return []
  const many = people === null ? 'a number that cannot be told any more' : String(people)
  return [`Beside them, people who were erased since: ${many}${records > 0 ? ` (${records} records)` : ''}.`]
}

function kinds({ classes }: Figures): string[] {
  if (classes.length === 0) return [blank('kinds of data')]
  return classes.map(([name]) => `- ${CLASSES[name] ?? `fields of the class "${name}"`}`)
}

function when({ from, to }: Figures): string[] {
  return [`Between ${from ?? blank('beginning')} and ${to ?? blank('end')}.`]
}

function times(figures: Figures): string[] {
  return [
    `Began: ${figures.from ?? blank('beginning')}. Ended: ${figures.to ?? blank('end, or "goes on"')}.`,
    `Known since: ${figures.knownAt} (${figures.zone}). File: ${figures.caseId}.`,
  ]
}

function told({ peopleToldAt }: Figures): string {
  return peopleToldAt === undefined
    ? `People told: ${blank('when and how, or why not')}`
    : `People told: ${peopleToldAt}.`
}

function what({ kind, target }: Scope): string {
  const words: Readonly<Record<Scope['kind'], string>> = {
    destination: `Concerned is what the recipient "${target}" may have received.`,
    export: `Concerned is what was shown or handed out under entry or resource "${target}" of the audit log.`,
    key: `Concerned is what the key ${target} protects.`,
    officer: `Concerned is what one member of staff with access looked at or did (account ${target}).`,
  }
  return words[kind]
}
