import { transaction } from '../db/transaction.ts'
import { withActiveEpoch } from '../keys/subject-keys.ts'
import { withKnownRoots } from '../pipeline/pseudonymisers.ts'
import type { RightsDeps } from './deps.ts'
import type { Request } from './request.ts'
import { lockRequest, writeRequest } from './rows.ts'
import type { Step } from './step.ts'

/** A step and the note that it is done, in one transaction; what no transaction can hold before it. `holdMs`: for so long nobody else takes the request. */
export async function runStep(
  deps: RightsDeps,
  request: Request,
  step: Step,
  { holdMs = 0 }: { readonly holdMs?: number } = {},
): Promise<void> {
  await step.before?.(deps, request)
  await withKnownRoots(deps.keyring, () =>
    withActiveEpoch(deps.keyring, () =>
      transaction(deps.db, async (tx) => {
        const held = await lockRequest(tx, request.id)
        if (held.state !== 'executing' || held.step !== request.step) return // another node was faster
        await step.run(tx, deps, held)
        await writeRequest(tx, held.id, { step: step.name, nextAt: deps.now() + holdMs, attempts: 0 })
      }),
    ),
  )
  deps.committed()
}
