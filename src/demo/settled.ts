import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '../errors.ts'
import type { Api } from './api.ts'

const LIMIT_MS = 30_000
const LOOK_MS = 200
/** Delivery looks at least every 200 ms: so many looks without news, and nothing waits. */
const QUIET_LOOKS = 6

const COUNTS = /^weir_(delivered|withheld|dead_letters)_total\{(?!flow_probe)/
const WAITING = /^weir_(delivery_lag_seconds|intake_queued_events)/

/** Resolves when the modules have caught up: nothing waits by /metrics, and nothing more is handed over. */
export async function settled(api: Api, signal: AbortSignal): Promise<void> {
  let before = ''
  let quiet = 0
  for (const startedAt = performance.now(); performance.now() - startedAt < LIMIT_MS; ) {
    const series = [...(await api.metrics())]
    const waits = series.some(([name, value]) => WAITING.test(name) && value > 0)
    const now = JSON.stringify(series.filter(([name]) => COUNTS.test(name)))
    quiet = !waits && now === before ? quiet + 1 : 0
    if (quiet === QUIET_LOOKS) return
    before = now
    await delay(LOOK_MS, undefined, { signal })
  }
  throw new AppError('conflict', `delivery has not caught up after ${LIMIT_MS / 1000} s`)
}
