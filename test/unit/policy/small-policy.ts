import { compile } from '../../../src/policy/compile.ts'
import type { CompiledPolicy } from '../../../src/policy/compiled.ts'
import { problemLine, readPolicy } from '../../../src/policy/read.ts'

/** A whole policy on one screen; tests change a line of it and look at what the loader says. */
export const SMALL = `apiVersion: weir/v1
policy: small
effective: 2026-11-01
laws: [PIPL, GDPR, CCPA]
purposes:
  essential: {basis: contract}
  analytics: {basis: consent, categories: [Performance]}
  attribution: {basis: consent, gpc: true}
  personalisation: {basis: consent, categories: [Functional]}
  advertising: {basis: consent, gpc: true}
classes:
  contact: {retain_days: 365, may_reach: ourselves}
  behaviour: {retain_days: 180}
  order: {retain_days: 1095, floor_days: 1095, floor_basis: E-commerce Law 31}
  text: {retain_days: 90, may_reach: nobody}
  sensitive: {retain_days: 7, separate_consent: true}
  unclassified: {retain_days: 30, may_reach: nobody}
destinations:
  reco: {kind: module, purpose: personalisation, role: self, region: CN, time: day}
  reports: {kind: module, purpose: analytics, role: self, region: CN, time: day}
  shipping: {kind: module, purpose: essential, role: self, region: CN, time: minute}
tokens:
  order_id: order
  visitId: visit
fields:
  line:
    behaviour: [product_id, quantity]
context:
  behaviour: [page.path, visitId]
events:
  track:
    Bought:
      fields:
        order: [order_id, total]
        contact: [email, address.city]
        text: [note]
        sensitive: [birthday]
        products[]: [line]
      totals: true
      routes:
        reco: {purpose: personalisation, fields: [properties.order_id, 'properties.products[].product_id']}
        reports: {purpose: analytics, fields: [properties.total, context.page.path]}
        shipping: {purpose: essential, fields: [properties.order_id, properties.address.city]}
    Looked:
      fields: {include: [line], behaviour: ['tags[]']}
      routes:
        reco: {purpose: personalisation, fields: [properties.product_id, 'properties.tags[]']}
    Noticed: {}
  identify:
    fields: {contact: [email]}
`

/** SMALL with one piece of it changed; fails where the piece is not there exactly once. */
export function changed(piece: string, by: string): string {
  const parts = SMALL.split(piece)
  if (parts.length !== 2) throw new Error(`"${piece}" stands ${parts.length - 1} times in the policy`)
  return parts.join(by)
}

/** Compiles a text that must be good. */
export function compiled(text: string = SMALL): CompiledPolicy {
  const { source, problems } = readPolicy(text)
  if (source === undefined) throw new Error(problems.map((problem) => problemLine('policy', problem)).join('\n'))
  return compile(source)
}
