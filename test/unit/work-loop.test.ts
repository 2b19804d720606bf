import { expect, test } from 'vitest'
import { createWorker } from '../../src/work-loop.ts'

/** A look that waits until the test lets it go. */
function gate(): { readonly passed: Promise<void>; open(): void } {
  let open = (): void => undefined
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { passed, open: () => open() }
}

test('looks that are asked for while one is under way are one more look, never two at a time', async () => {
  const first = gate()
  let looks = 0
  let under = 0
  const worker = createWorker({
    everyMs: 3_600_000,
    async work() {
      expect(++under).toBe(1)
      if (++looks === 1) await first.passed
      under--
    },
    failed: (error) => expect.fail(String(error)),
  })
  worker.start()
  await Promise.resolve()
  for (let i = 0; i < 50; i++) worker.nudge()
  first.open()
  await worker.stop()
  expect(looks).toBe(2)
})

test('a look that fails is said, and the next one comes; stopped, it is told so and waited for', async () => {
  const failures: unknown[] = []
  let looks = 0
  const worker = createWorker({
    everyMs: 3_600_000,
    async work(signal) {
      looks++
      if (looks === 1) throw new Error('away')
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
    },
    failed: (error) => void failures.push(error),
  })
  worker.start()
  await expect.poll(() => failures.length).toBe(1)
  worker.nudge()
  await expect.poll(() => looks).toBe(2)
  await worker.stop()
  worker.nudge() // nobody looks any more
  await Promise.resolve()
  expect([looks, failures.length]).toEqual([2, 1])
})
