import { createRecipientCallbacks } from '../../destinations/callback.ts'
import type { DoorsApi } from '../../http/doors-api.ts'
import { receiptJwks } from '../receipt-jwks.ts'
import { createOpenDsrDoor, type OpenDsrDoorDeps } from './opendsr-door.ts'
import { createShopifyDoor } from './shopify-door.ts'

export interface DoorsDeps extends OpenDsrDoorDeps {
  /** A recipient's message may be due at once. */
  readonly nudge: () => void
}

/** Every door for other systems. Another one is a file that parses to an Incoming, and its line here. */
export function createDoors(deps: DoorsDeps): DoorsApi {
  return {
    jwks: () => receiptJwks(deps.keyring),
    opendsr: createOpenDsrDoor(deps),
    shopify: createShopifyDoor(deps),
    recipientCallback: createRecipientCallbacks(deps),
  }
}
