import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { JsonObject } from '../../src/event/event.ts'
import { destroyKeys } from '../../src/keys/destroy.ts'
import { openKeyring } from '../../src/keys/keyring.ts'
import { openFileProvider } from '../../src/keys/providers/file.ts'
import { finishRoll, type KeyDeps, rollKey } from '../../src/keys/roll.ts'
import { keepKeys } from '../../src/keys/schedule.ts'
import { renewSubjectKey } from '../../src/pipeline/renew-subject-key.ts'
import { storedOf, subjectOf } from '../support/stored.ts'
import { createTestApp, type TestApp } from '../support/test-app.ts'

const TIMES = { epochDays: 30, backupDays: 35, keyBackupDays: 35, overlapDays: 7 }
const PEOPLE = ['ann', 'bo', 'cai', 'dee']
const RUNS = process.env.WEIR_TEST_LONG === undefined ? 5 : 50

type Step =
  | { readonly do: 'send'; readonly who: number }
  | { readonly do: 'roll' | 'cut-roll' | 'destroy' | 'keep' | 'roll-index' }
  | { readonly do: 'renew'; readonly who: number }

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('send' as const), who: fc.nat(PEOPLE.length - 1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('renew' as const), who: fc.nat(PEOPLE.length - 1) }) },
  {
    weight: 4,
    arbitrary: fc.constantFrom('roll', 'cut-roll', 'destroy', 'keep', 'roll-index').map((one) => ({ do: one }) as Step),
  },
)

// Each step by a process of its own, as the command line has them; the gateway takes events and is told nothing.
test('whatever is rolled, cut off, destroyed or renewed between events, all of them are kept and open', async () => {
  const seed = Number(process.env.WEIR_TEST_SEED ?? Date.now() % 1_000_000)
  console.log(`keys at any moment: seed ${seed}, ${RUNS} runs`)
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 6, maxLength: 16 }), async (steps) => {
      const weir = await createTestApp()
      try {
        const sent = new Map<string, number>()
        for (const user of PEOPLE) await weir.grant(user, 'personalisation')
        for (const step of steps) await take(weir, step, sent)
        await weir.keyring.refresh()
        for (const [user, count] of sent) {
          const stored = await storedOf(weir, (await subjectOf(weir, 'user_id', user))!)
          expect(stored.filter((one) => one.className === 'behaviour')).toHaveLength(count)
        }
        await weir.settle()
      } finally {
        await weir.stop()
      }
    }),
    { numRuns: RUNS, seed, endOnFailure: true },
  )
}, 600_000)

async function take(weir: TestApp, step: Step, sent: Map<string, number>): Promise<void> {
  if (step.do === 'send') {
    const user = PEOPLE[step.who]!
    expect(await weir.send(viewed(user))).toEqual(['accepted'])
    sent.set(user, (sent.get(user) ?? 0) + 1)
    return
  }
  const deps = await processOf(weir)
  if (step.do === 'renew') {
    const subject = (await subjectOf(weir, 'user_id', PEOPLE[step.who]!))!
    await renewSubjectKey({ ...deps, classNames: weir.app.active().classNames }, subject)
  } else if (step.do === 'roll') {
    await rollKey(deps, 'epoch')
  } else if (step.do === 'roll-index') {
    await rollKey(deps, 'index')
    await weir.keyring.refresh()
  } else if (step.do === 'cut-roll') {
    const cut = { ...deps, keyring: { ...deps.keyring, refresh: () => Promise.reject(new Error('cut off')) } }
    await expect(rollKey(cut as KeyDeps, 'epoch')).rejects.toThrow('cut off')
  } else if (step.do === 'keep') {
    await keepKeys(deps, TIMES)
  } else {
    await finishRoll(deps)
    await destroyKeys(await processOf(weir), 'epoch', deps.keyring.epoch.active.kid - 1)
  }
}

async function processOf(weir: TestApp): Promise<KeyDeps> {
  const provider = await openFileProvider(weir.keyset)
  const keyring = await openKeyring(weir.db, provider)
  return { db: weir.db, provider, keyring, now: Date.now, actor: 'cli' }
}

const viewed = (userId: string): JsonObject => ({
  type: 'track',
  event: 'Product Viewed',
  userId,
  properties: { product_id: 'p1' },
})
