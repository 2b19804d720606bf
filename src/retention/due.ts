import type { FieldClass } from '../policy/compiled.ts'

const DAY_MS = 86_400_000

/**
 * The day on which a blob of this class falls due, as milliseconds of its midnight UTC: the start of the partition
 * that is dropped then. Without a statutory floor it is rounded down, so that a blob is gone early by at most a
 * step and never late; with a floor (say E-commerce Law art. 31) it is rounded up to the end of the step, so that
 * the floor is met too.
 */
export function dueOf(fieldClass: FieldClass, occurredAt: number): number {
  const exact = startOfDay(occurredAt) + Math.max(fieldClass.retainDays, fieldClass.floorDays ?? 0) * DAY_MS
  return fieldClass.floorDays === undefined ? stepStart(fieldClass.step, exact) : nextStep(fieldClass.step, exact)
}

/** True where a blob of this class would already be due: it must not be stored at all. */
export function isExpired(fieldClass: FieldClass, occurredAt: number, now: number): boolean {
  return dueOf(fieldClass, occurredAt) <= startOfDay(now)
}

function startOfDay(ms: number): number {
  return Math.floor(ms / DAY_MS) * DAY_MS
}

function stepStart(step: FieldClass['step'], ms: number): number {
  if (step === 'day') return startOfDay(ms)
  const date = new Date(ms)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1)
}

function nextStep(step: FieldClass['step'], ms: number): number {
  if (step === 'day') return startOfDay(ms) + DAY_MS
  const date = new Date(ms)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1)
}
