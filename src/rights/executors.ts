import { ACCESS_STEPS } from './access/steps.ts'
import { CORRECTION_STEPS } from './correction.ts'
import { ERASURE_STEPS } from './erasure/steps.ts'
import { OBJECTION_STEPS } from './objection.ts'
import type { Right } from './request.ts'
import { RESTRICTION_STEPS } from './restriction.ts'
import type { Step } from './step.ts'

/** What carries each right out, step by step. An export is composed when it is downloaded: nothing of it is stored. */
export const EXECUTORS: Readonly<Record<Right, readonly Step[]>> = {
  access: ACCESS_STEPS,
  portability: ACCESS_STEPS,
  correction: CORRECTION_STEPS,
  erasure: ERASURE_STEPS,
  restriction: RESTRICTION_STEPS,
  objection: OBJECTION_STEPS,
}
