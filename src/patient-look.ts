import { setTimeout as delay } from 'node:timers/promises'

const PATIENCE_MS = 250 // whoever asks for metrics wants them above all while the database hangs

/**
 * For gauges that are looked up when they are asked for: one look at a time, which is waited for so long and no longer.
 * Where it fails or hangs the gauge stays as it was, and one connection at most is held by it.
 */
export function patientLook(look: () => Promise<void>): () => Promise<void> {
  let looking: Promise<void> | undefined
  return async () => {
    looking ??= look()
      .catch(() => undefined) // readiness says that the database is away
      .finally(() => {
        looking = undefined
      })
    await Promise.race([looking, delay(PATIENCE_MS, undefined, { ref: false })])
  }
}
