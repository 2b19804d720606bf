import { expect, test } from 'vitest'
import { verifyConsistency, verifyInclusion } from '../../../src/audit/tree.ts'
import { listVectors, missingVectors, readWideVectors } from '../../support/official-vectors.ts'

const missing = missingVectors('merkle')

interface InclusionVector {
  readonly leafIdx: string
  readonly treeSize: string
  readonly root: string | null
  readonly leafHash: string | null
  readonly proof: readonly string[] | null
  readonly desc: string
  readonly wantErr: boolean
}

interface ConsistencyVector {
  readonly size1: string
  readonly size2: string
  readonly root1: string | null
  readonly root2: string | null
  readonly proof: readonly string[] | null
  readonly desc: string
  readonly wantErr: boolean
}

const bytes = (base64: string | null): Buffer => Buffer.from(base64 ?? '', 'base64')
const many = (list: readonly string[] | null): Buffer[] => (list ?? []).map(bytes)

test.skipIf(missing)('all 98 official inclusion proofs are judged as they should be', () => {
  const files = listVectors('merkle/testdata/inclusion')
  const wrong = files.filter((file) => {
    const v = readWideVectors<InclusionVector>(file)
    const claim = { leaf: bytes(v.leafHash), root: bytes(v.root), proof: many(v.proof) }
    const held = verifyInclusion({ ...claim, index: BigInt(v.leafIdx), size: BigInt(v.treeSize) })
    return held === v.wantErr
  })
  expect([files.length, wrong]).toEqual([98, []])
})

test.skipIf(missing)('all 98 official consistency proofs are judged as they should be', () => {
  const files = listVectors('merkle/testdata/consistency')
  const wrong = files.filter((file) => {
    const v = readWideVectors<ConsistencyVector>(file)
    const claim = { fromRoot: bytes(v.root1), root: bytes(v.root2), proof: many(v.proof) }
    const held = verifyConsistency({ ...claim, from: BigInt(v.size1), size: BigInt(v.size2) })
    return held === v.wantErr
  })
  expect([files.length, wrong]).toEqual([98, []])
})
