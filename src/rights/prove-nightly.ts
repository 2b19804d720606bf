import { Gauge, type Registry } from 'prom-client'
import { appendEntries } from '../audit/log.ts'
import type { RightsDeps } from './deps.ts'
import { proveSample, type SampleProof } from './prove.ts'

export type NightlyProof = (people?: number) => Promise<readonly SampleProof[]>

const PEOPLE = 50

/**
 * The proof of every night: modules forget some people exactly, in tables of its own. What it came to stands in the audit
 * log and in `weir_unlearning_equal` (1, or 0 where a module did not), with the time of the last one beside it.
 */
export function createNightlyProof(deps: RightsDeps, registry: Registry): NightlyProof {
  const equal = new Gauge({
    name: 'weir_unlearning_equal',
    help: '1 where the last proof found a module equal to a rebuild without the people of its sample, 0 where not',
    labelNames: ['module'],
    aggregator: 'min',
    registers: [registry],
  })
  const at = new Gauge({
    name: 'weir_unlearning_proved_at_seconds',
    help: 'When that proof was made, in seconds since 1970',
    aggregator: 'max',
    registers: [registry],
  })
  return async function prove(people = PEOPLE) {
    const proofs = await proveSample(deps, people)
    for (const { name, equalToRebuild } of proofs) equal.set({ module: name }, equalToRebuild ? 1 : 0)
    at.set(Math.floor(deps.now() / 1000))
    await appendEntries(
      deps.db,
      proofs.map(({ name, people: count, equalToRebuild }) => ({
        actor: 'weir',
        action: 'unlearning.prove',
        resource: `module:${name}`,
        purpose: 'rights',
        outcome: 'done',
        more: { people: count, equal: equalToRebuild },
      })),
    )
    const wrong = proofs.filter(({ equalToRebuild }) => !equalToRebuild).map(({ name }) => name)
    if (wrong.length > 0)
      deps.log.error({ modules: wrong }, 'a module did not forget as a rebuild does: run weir erase --prove')
    return proofs
  }
}
