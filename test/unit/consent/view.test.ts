import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Cluster, type NodeConsent, restrictedSince, viewOf } from '../../../src/consent/view.ts'
import { subjectId } from '../../../src/event/ids.ts'
import { bitOf, PURPOSES } from '../../../src/event/purpose.ts'

const A = bitOf('analytics')
const P = bitOf('personalisation')

function node(what: Partial<NodeConsent>): NodeConsent {
  const { refused = 0 } = what
  return {
    subject: subjectId('00000000-0000-4000-8000-000000000000'),
    epoch: 1,
    recordId: '00000000-0000-4000-8000-000000000001',
    granted: 0,
    refused,
    clusterRefused: refused,
    restrictedEpoch: PURPOSES.map(() => 0),
    ...what,
  }
}

test('nobody known: nothing is granted', () => {
  expect(viewOf({ device: undefined, user: undefined, confirmed: true })).toEqual({ granted: 0, refused: 0 })
})

test('the user’s grants count over a confirmed link only, its refusals over a claimed one too', () => {
  const user = node({ granted: P, refused: A })
  expect(viewOf({ device: node({}), user, confirmed: false })).toEqual({ granted: 0, refused: A })
  expect(viewOf({ device: node({}), user, confirmed: true })).toEqual({ granted: P, refused: A })
})

test('what another confirmed device refused counts for the user’s events', () => {
  const user = node({ granted: P, clusterRefused: P })
  const { granted, refused } = viewOf({ device: undefined, user, confirmed: true })
  expect(granted & ~refused).toBe(0)
})

const mask = fc.integer({ min: 0, max: (1 << PURPOSES.length) - 1 })
const anyNode = fc.option(
  fc
    .record({ granted: mask, refused: mask, more: mask })
    .map(({ granted, refused, more }) => node({ granted, refused, clusterRefused: refused | more })),
  { nil: undefined },
)
const anyCluster: fc.Arbitrary<Cluster> = fc.record({ device: anyNode, user: anyNode, confirmed: fc.boolean() })

test('a claimed link never permits more than the device alone', () => {
  fc.assert(
    fc.property(anyCluster, (cluster) => {
      const alone = viewOf({ ...cluster, user: undefined })
      const claimed = viewOf({ ...cluster, confirmed: false })
      expect(claimed.granted & ~claimed.refused & ~(alone.granted & ~alone.refused)).toBe(0)
    }),
  )
})

test('no refusal anywhere in the cluster is ever outvoted', () => {
  fc.assert(
    fc.property(anyCluster, (cluster) => {
      const { granted, refused } = viewOf(cluster)
      const said = (cluster.device?.refused ?? 0) | (cluster.user?.clusterRefused ?? 0)
      expect(granted & ~refused & said).toBe(0)
    }),
  )
})

test('restricted since: by the epoch stored with the event, of each node its own', () => {
  const restricted = (epoch: number): NodeConsent =>
    node({ epoch: 9, restrictedEpoch: PURPOSES.map((purpose) => (purpose === 'analytics' ? epoch : 0)) })
  const cluster: Cluster = { device: restricted(3), user: restricted(7), confirmed: true }
  expect(restrictedSince(cluster, 3, 7)).toBe(0)
  expect(restrictedSince(cluster, 2, 7)).toBe(A)
  expect(restrictedSince(cluster, 3, 6)).toBe(A)
  expect(restrictedSince({ device: undefined, user: undefined, confirmed: false }, 0, 0)).toBe(0)
})
