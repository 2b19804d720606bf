declare const brand: unique symbol
type Branded<Base, Name extends string> = Base & { readonly [brand]: Name }

/** A person, or a device not yet known to be somebody's: a random UUID, never an identifier. */
export type SubjectId = Branded<string, 'SubjectId'>
/** `p1.…`: what one destination knows a subject by (reference: crypto §2.2). Joins with no other destination. */
export type Pseudonym = Branded<string, 'Pseudonym'>
/** `t1.…`: what one destination knows an event, order or visit id by. */
export type Token = Branded<string, 'Token'>
/** HMAC of (source, message id): 16 bytes, the only thing that stands for a message id at rest. */
export type EventKey = Branded<Uint8Array, 'EventKey'>
/** HMAC of (type, normalised value): 16 bytes, the blind index of an identifier. */
export type IndexKey = Branded<Uint8Array, 'IndexKey'>
/** Position in the event log: commit order, gaps allowed. */
export type LogPosition = Branded<bigint, 'LogPosition'>

export function subjectId(uuid: string): SubjectId {
  return uuid as SubjectId
}
