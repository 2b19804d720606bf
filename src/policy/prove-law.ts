import { PURPOSES, type Purpose } from '../event/purpose.ts'
import type { DestinationEntry, PolicyDocument } from './document.ts'
import type { Complain } from './fields.ts'
import { partitionsOf, stepOf } from './partitions.ts'
import { DEFAULT_ROLLING_DAYS, ROUNDING_DAYS } from './pseudonym-periods.ts'

/** Partitions of sealed content that the database is to hold at most. */
export const MAX_PARTITIONS = 200
/** Pseudonyms of one person at one module that a withdrawal has to look for. */
const MAX_PERIODS = 60
/** A route mask is a signed 32-bit integer in log rows. */
const MAX_DESTINATIONS = 30

/** Complains of what the text's laws forbid and of what cannot be kept. Knows no event. */
export function proveLaw(document: PolicyDocument, complain: Complain): void {
  for (const purpose of PURPOSES) provePurpose(document, purpose, complain)
  proveCategories(document, complain)
  proveClasses(document, complain)
  const destinations = Object.entries(document.destinations)
  for (const [name, destination] of destinations) proveDestination(document, name, destination, complain)
  if (destinations.length > MAX_DESTINATIONS) {
    complain(['destinations'], `more than ${MAX_DESTINATIONS} destinations`, 'write fewer')
  }
}

function provePurpose(document: PolicyDocument, purpose: Purpose, complain: Complain): void {
  const { basis, gpc } = document.purposes[purpose]
  const stated = ['purposes', purpose, 'basis']
  if (basis === 'legitimate-interest') {
    const what = document.laws.includes('PIPL')
      ? 'there is no legitimate interest under PIPL (Art. 13)'
      : 'legitimate interest needs a balancing test and objections, which are not enforced here'
    complain(stated, what, 'write basis: consent')
  } else if (basis !== 'consent' && purpose !== 'essential') {
    // GDPR 6(1)(b) and PIPL 13(2) cover what the contract cannot do without; measuring and advertising are not that.
    complain(stated, `${purpose} is not necessary for a contract or a duty`, 'write basis: consent')
  }
  if (gpc === true && basis !== 'consent') {
    complain(['purposes', purpose, 'gpc'], 'a signal cannot refuse what needs no consent', 'take gpc out')
  }
  if (document.laws.includes('CCPA') && gpc !== true && (purpose === 'advertising' || purpose === 'attribution')) {
    complain(['purposes', purpose], `${purpose} must honour Sec-GPC under CCPA (11 CCR 7025)`, 'write gpc: true')
  }
}

function proveCategories(document: PolicyDocument, complain: Complain): void {
  const meant = new Map<string, Purpose>(PURPOSES.map((purpose) => [purpose, purpose]))
  for (const purpose of PURPOSES) {
    for (const [i, category] of (document.purposes[purpose].categories ?? []).entries()) {
      const before = meant.get(category.toLowerCase())
      if (before !== undefined && before !== purpose) {
        const what = `the category already stands for ${before}`
        complain(['purposes', purpose, 'categories', i], what, 'name it under one purpose')
      }
      meant.set(category.toLowerCase(), purpose)
    }
  }
}

function proveClasses(document: PolicyDocument, complain: Complain): void {
  let partitions = 0
  for (const [name, entry] of Object.entries(document.classes)) {
    const stated = ['classes', name]
    const kept = Math.max(entry.retain_days, entry.floor_days ?? 0)
    const step = stepOf(kept)
    partitions += partitionsOf(kept)
    if (entry.step !== undefined && entry.step !== step) {
      const why = step === 'day' ? 'a month would drop it long before' : 'days would make too many partitions'
      complain([...stated, 'step'], `step: ${entry.step} does not suit ${kept} days (${why})`, `write step: ${step}`)
    }
    if (entry.floor_days !== undefined && entry.floor_basis === undefined) {
      complain([...stated, 'floor_days'], 'a floor needs the law it comes from', 'write floor_basis: and the law')
    }
    proveFloor(stated, entry, complain)
  }
  const unclassified = document.classes.unclassified
  if (unclassified === undefined) {
    complain(
      ['classes'],
      'there is no class for unknown fields',
      'write unclassified: {retain_days: 30, may_reach: nobody}',
    )
  } else if (unclassified.may_reach !== 'nobody') {
    complain(['classes', 'unclassified'], 'unknown fields are forwarded to nobody', 'write may_reach: nobody')
  }
  if (partitions > MAX_PARTITIONS) {
    const what = `these retentions need about ${partitions} partitions, ${MAX_PARTITIONS} are the limit`
    complain(['classes'], what, 'keep fewer classes by the day (31 days or less), or shorten the longest')
  }
}

/** Laws that say for how long records of a kind are kept at least, as a floor_basis may name them. */
const STATUTES = [
  {
    name: 'E-commerce Law 31',
    pattern: /e-?commerce law\W*(?:of the prc\W*)?(?:art(?:icle)?\b\W*)?31(?!\d)|电子商务法[^0-9]*(?:31(?!\d)|三十一)/i,
    days: 1095, // three years from the completion of the transaction
  },
] as const

function proveFloor(stated: string[], entry: PolicyDocument['classes'][string], complain: Complain): void {
  const { floor_days: days, floor_basis: basis } = entry
  const statute = STATUTES.find(({ pattern }) => pattern.test(basis ?? ''))
  if (days === undefined || statute === undefined || days >= statute.days) return
  const what = `${days} days are shorter than ${statute.name} says (3 years)`
  complain([...stated, 'floor_days'], what, `write floor_days: ${statute.days} or more`)
}

function proveDestination(document: PolicyDocument, name: string, entry: DestinationEntry, complain: Complain): void {
  const stated = ['destinations', name]
  const abroad = entry.region !== 'CN' && document.laws.includes('PIPL')
  if (entry.role === 'third-party' && entry.recipient_notice === undefined) {
    const what = `${name} is a third party: people must be told who it is (PIPL 23, GDPR 13)`
    complain([...stated, 'role'], what, 'write recipient_notice: and the reference of the notice that names it')
  }
  if (abroad && entry.cn_mechanism === undefined) {
    const what = `${name} takes data out of China without a mechanism (PIPL 38)`
    complain([...stated, 'region'], what, 'write cn_mechanism: {type: standard-contract, ref: …}')
  }
  if ((abroad || entry.role === 'entrusted' || entry.role === 'third-party') && entry.pia_ref === undefined) {
    const what = `${name} needs an impact assessment first (PIPL 55, GDPR 35)`
    complain([...stated, 'role'], what, 'write pia_ref: and the reference of the assessment')
  }
  provePseudonyms(document, name, entry, complain)
  if (entry.kind === 'module' && entry.role === 'third-party') {
    complain([...stated, 'kind'], 'a hosted module is run by the shop or for it', 'write role: self or role: entrusted')
  }
}

/**
 * Erasing a person asks for every pseudonym that rows can be under: of so many periods as the longest class lasts, and of
 * the months that its end is rounded up by.
 */
function provePseudonyms(document: PolicyDocument, name: string, entry: DestinationEntry, complain: Complain): void {
  const stated = ['destinations', name]
  if (entry.pseudonyms !== 'rolling') {
    if (entry.rolling_days === undefined) return
    complain([...stated, 'rolling_days'], 'linkable pseudonyms have no period', 'write pseudonyms: rolling')
    return
  }
  const longest = Math.max(0, ...Object.values(document.classes).map((each) => each.retain_days))
  const least = Math.ceil((longest + ROUNDING_DAYS) / MAX_PERIODS)
  const periodDays = entry.rolling_days ?? DEFAULT_ROLLING_DAYS
  if (periodDays < least) {
    const what = `with ${longest} days of retention a person would have more than ${MAX_PERIODS} pseudonyms at once`
    complain(
      [...stated, entry.rolling_days === undefined ? 'pseudonyms' : 'rolling_days'],
      what,
      `write rolling_days: ${least} or more`,
    )
  }
}
