import { randomBytes } from 'node:crypto'
import type { Db } from '../db/pool.ts'
import type { EventKey } from '../event/ids.ts'
import { appendEvents, LOG_KIND, NOTHING_DECIDED } from '../eventlog/append.ts'

/** Proves that an event can flow: appended like any other, delivered to the probe's own cursor. */
export interface FlowProbe {
  /** Resolves true when a synthetic event came through within the deadline, now or in the last five seconds. */
  passes(): Promise<boolean>
}

const FRESH_MS = 5_000
const DEADLINE_MS = 3_000
const POLL_MS = 25

export function createFlowProbe(deps: {
  readonly db: Db
  readonly destinationId: number
  readonly policyVersion: () => number
  readonly nudge: () => void
}): FlowProbe {
  let passedAt = Number.NEGATIVE_INFINITY
  let running: Promise<boolean> | undefined

  async function probe(): Promise<boolean> {
    const key = randomBytes(16) as Uint8Array as EventKey
    await appendEvents(deps.db, deps.policyVersion(), [{ ...PROBE, eventKey: key }])
    deps.nudge()
    const deadline = performance.now() + DEADLINE_MS
    while (performance.now() < deadline) {
      if (await isDelivered(key)) {
        passedAt = performance.now()
        return true
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
    return false
  }

  async function isDelivered(key: EventKey): Promise<boolean> {
    const { rows } = await deps.db.$client.query<{ through: boolean }>({
      name: 'probe-delivered',
      text: `select coalesce((select pos from weir.delivery_cursor where destination_id = $1), 0) >= pos as through
        from weir.event_log where event_key = $2`,
      values: [deps.destinationId, Buffer.from(key)],
    })
    return rows[0]?.through ?? false
  }

  return {
    async passes() {
      if (performance.now() - passedAt < FRESH_MS) return true
      running ??= probe().finally(() => {
        running = undefined
      })
      return running
    },
  }
}

const PROBE = {
  ...NOTHING_DECIDED,
  kind: LOG_KIND.probe,
  sourceId: 0,
  eventType: -1,
} as const
