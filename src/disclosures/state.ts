/** What may be asked for; docs/disclosures.md says what each shows. */
export const KINDS = ['fields', 'reidentify', 'translate', 'retention-fuse'] as const
export type Kind = (typeof KINDS)[number]

export const STATES = [
  'asked', // waits for another officer
  'delayed', // an emergency before its time
  'approved',
  'released', // an emergency that opened
  'refused',
  'used-up',
  'expired',
  'void', // who asked or approved lost the account or the role
] as const
export type State = (typeof STATES)[number]

export const MAX_READS = 20
export const MAX_MINUTES = 15
const MINUTE_MS = 60_000
/** An emergency opens so long after it was asked: time for whoever reads the mail to stop it. */
export const DELAY_MS = 15 * MINUTE_MS
/** Who is asked has so long to answer. */
export const ANSWER_MS = 24 * 60 * MINUTE_MS
/** An emergency has to be reviewed by another officer until then. */
export const REVIEW_MS = 24 * 60 * MINUTE_MS

/** What a request's course depends on. Times in milliseconds since 1970. */
export interface Course {
  readonly emergency: boolean
  readonly askedBy: string
  readonly askedAt: number
  readonly minutes: number
  readonly reads: number
  readonly used: number
  readonly decision: 'approved' | 'refused' | undefined
  readonly expiresAt: number | undefined
  readonly voided: boolean
  readonly reviewed: boolean
}

/** Why something is not done: a code of the problem document. */
export type Obstacle =
  | 'own-request'
  | 'not-your-request'
  | 'request-decided'
  | 'request-expired'
  | 'request-void'
  | 'not-approved'
  | 'not-open-yet'
  | 'request-refused'
  | 'reads-used-up'
  | 'grant-expired'
  | 'no-emergency'
  | 'reviewed-already'
  | 'not-over-yet'

/** The one state that a request is in. */
export function stateOf(course: Course, now: number): State {
  if (course.decision === 'refused') return 'refused'
  if (course.used >= course.reads) return 'used-up'
  if (course.voided) return 'void'
  if (course.emergency) {
    if (now < opensAt(course)) return 'delayed'
    return now < expiresAt(course) ? 'released' : 'expired'
  }
  if (course.decision === undefined) return now < course.askedAt + ANSWER_MS ? 'asked' : 'expired'
  return now < expiresAt(course) ? 'approved' : 'expired'
}

/** When an emergency opens. */
export function opensAt({ askedAt }: Pick<Course, 'askedAt'>): number {
  return askedAt + DELAY_MS
}

/** From when on nothing is read any more, of a request that was decided at `decidedAt`. */
export function expiryOf({ minutes }: Pick<Course, 'minutes'>, decidedAt: number): number {
  return decidedAt + minutes * MINUTE_MS
}

function expiresAt(course: Course): number {
  return course.expiresAt ?? (course.emergency ? expiryOf(course, opensAt(course)) : Number.NEGATIVE_INFINITY)
}

/** Why this officer cannot approve it now; undefined where they can. An emergency is not approved, only stopped. */
export function approvalObstacle(course: Course, by: string, now: number): Obstacle | undefined {
  const state = stateOf(course, now)
  if (state === 'asked') return by === course.askedBy ? 'own-request' : undefined
  return by === course.askedBy ? 'own-request' : ended(state)
}

/** Why this officer cannot refuse it now: they can as long as nobody has decided, an emergency also while it is open. */
export function refusalObstacle(course: Course, by: string, now: number): Obstacle | undefined {
  if (by === course.askedBy) return 'own-request'
  const state = stateOf(course, now)
  return state === 'asked' || state === 'delayed' || state === 'released' ? undefined : ended(state)
}

/** Why this officer cannot read under it now. */
export function readObstacle(course: Course, by: string, now: number): Obstacle | undefined {
  if (by !== course.askedBy) return 'not-your-request'
  switch (stateOf(course, now)) {
    case 'approved':
    case 'released':
      return undefined
    case 'asked':
      return 'not-approved'
    case 'delayed':
      return 'not-open-yet'
    case 'refused':
      return 'request-refused'
    case 'used-up':
      return 'reads-used-up'
    case 'expired':
      return 'grant-expired'
    case 'void':
      return 'request-void'
  }
}

/** Why this officer cannot review it. */
export function reviewObstacle(course: Course, by: string, now: number): Obstacle | undefined {
  if (by === course.askedBy) return 'own-request'
  if (!course.emergency) return 'no-emergency'
  if (course.reviewed) return 'reviewed-already'
  const state = stateOf(course, now) // what can still be read cannot be judged yet: it can be stopped
  return state === 'delayed' || state === 'released' ? 'not-over-yet' : undefined
}

/** Whether nobody reviewed an emergency in time. */
export function isReviewOverdue(course: Course, now: number): boolean {
  return course.emergency && !course.reviewed && now >= course.askedAt + REVIEW_MS
}

function ended(state: State): Obstacle {
  if (state === 'expired') return 'request-expired'
  return state === 'void' ? 'request-void' : 'request-decided'
}
