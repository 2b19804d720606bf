import type { Db } from '../../db/pool.ts'
import { createSafeCall } from '../../destinations/safe-call.ts'
import { createRecipientWorker } from '../../destinations/worker.ts'
import type { DoorsApi } from '../../http/doors-api.ts'
import type { Keyring } from '../../keys/keyring.ts'
import type { Logger } from '../../log.ts'
import type { Worker } from '../../work-loop.ts'
import { createCallbackWorker } from './callbacks.ts'
import { createDoors, type DoorsDeps } from './doors.ts'
import { openDsrKey } from './opendsr-key.ts'

export interface OutsideDeps {
  readonly db: Db
  readonly keyring: Keyring
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly log: Logger
  readonly mode: 'development' | 'production'
  readonly publicUrl: string
  readonly opendsr: { readonly keyFile: string | undefined; readonly certFile: string | undefined }
}

/** What goes out to other systems, and what comes in from them. */
export interface Outside {
  /** Tell recipients what became of people's data, and controllers what became of their requests. */
  readonly workers: readonly Worker[]
  doors(needs: Pick<DoorsDeps, 'due' | 'cancel'>): DoorsApi
}

/** Throws AppError `config` where the OpenDSR key and certificate do not fit. */
export async function createOutside(deps: OutsideDeps): Promise<Outside> {
  const { db, keyring, now, log, mode, publicUrl, opendsr } = deps
  const key = await openDsrKey({ ...opendsr, mode, publicUrl, tokenKey: keyring.tokenKey, now })
  const call = createSafeCall({ mode })
  const recipients = createRecipientWorker({ db, keyring, call, now, publicUrl, log })
  const callbacks = createCallbackWorker({ db, keyring, call, now, key, log })
  return {
    workers: [recipients, callbacks],
    doors: (needs) => createDoors({ db, keyring, now, publicUrl, key, nudge: () => recipients.nudge(), ...needs }),
  }
}
