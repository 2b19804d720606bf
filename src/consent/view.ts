import type { SubjectId } from '../event/ids.ts'
import type { PurposeMask } from '../event/purpose.ts'

/** What the ledger says of one subject now. */
export interface NodeConsent {
  readonly subject: SubjectId
  readonly epoch: number
  readonly recordId: string
  readonly granted: PurposeMask
  readonly refused: PurposeMask
  /** Users: refused by itself or by any device whose link to it is confirmed. Devices: the same as `refused`. */
  readonly clusterRefused: PurposeMask
  /** Per purpose bit, the epoch that its last restriction began; 0 for none. */
  readonly restrictedEpoch: readonly number[]
}

/** A device, the user it says or is known to be, and whether that is confirmed. */
export interface Cluster {
  readonly device: NodeConsent | undefined
  readonly user: NodeConsent | undefined
  readonly confirmed: boolean
}

/** What a cluster says about each purpose. */
export interface ClusterView {
  readonly granted: PurposeMask
  readonly refused: PurposeMask
}

/**
 * Grants count from the device that sent the event and from the user only where the link is confirmed; refusals
 * count from both. A refusal made on a device reaches the user over a confirmed link only (it is part of the user's
 * clusterRefused): a browser key could otherwise withdraw for somebody else by claiming to be them.
 */
export function viewOf(cluster: Cluster): ClusterView {
  const { device, user, confirmed } = cluster
  return {
    granted: (device?.granted ?? 0) | (confirmed ? (user?.granted ?? 0) : 0),
    refused: (device?.refused ?? 0) | (user?.clusterRefused ?? 0),
  }
}

/**
 * Purposes that were restricted after the event was decided: law 3 keeps them refused for this event even where a
 * later grant has lifted the restriction for new ones. Epochs are those stored with the event.
 */
export function restrictedSince(cluster: Cluster, deviceEpoch: number, userEpoch: number): PurposeMask {
  return later(cluster.device, deviceEpoch) | later(cluster.user, userEpoch)
}

function later(node: NodeConsent | undefined, epoch: number): PurposeMask {
  let mask = 0
  node?.restrictedEpoch.forEach((restricted, bit) => {
    if (restricted > epoch) mask |= 1 << bit
  })
  return mask
}
