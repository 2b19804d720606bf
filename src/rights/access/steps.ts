import type { Step } from '../step.ts'
import { permitDownloads } from './permits.ts'

/**
 * How a request to see, or to take along, what is held is carried out: by letting it be downloaded. Nothing is composed
 * before it is asked for, so that nothing of it lies anywhere, and what is downloaded is as of then.
 */
export const ACCESS_STEPS: readonly Step[] = [
  {
    name: 'permit',
    run: (tx, { keyring, now }, { id }) => permitDownloads(tx, keyring, { request: id, now: now() }),
  },
]
