import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cosign, signCheckpoint } from '../../../src/audit/checkpoint.ts'
import { FormatError } from '../../../src/audit/format-error.ts'
import type { Problem } from '../../../src/audit/problem.ts'
import type { ShardSource } from '../../../src/audit/shard-source.ts'
import { leafHash, treeHash } from '../../../src/audit/tree.ts'
import { ED25519, verifierKey } from '../../../src/audit/verifier-key.ts'
import { verifyLog } from '../../../src/audit/verify-log.ts'
import { type VerifyOptions, verifyShard } from '../../../src/audit/verify-shard.ts'
import {
  bodyOf,
  FIRST_AT,
  type ShardOptions,
  type StoredShard,
  signerOf,
  sourceOf,
  storeShard,
  WITNESS,
  WITNESS_KEY,
} from '../../support/audit-shard.ts'

/** What is found in a shard of 700 entries after something was done to it. */
async function found(
  tamper: (shard: StoredShard) => void,
  verify: VerifyOptions = {},
  options: ShardOptions = {},
): Promise<string[]> {
  const shard = storeShard(700, options)
  tamper(shard)
  const { ok, problems } = await verifyShard(sourceOf(shard), verify)
  expect(ok).toBe(problems.every(({ kind }) => kind === 'unsigned'))
  return problems.map(short)
}

const short = ({ kind, index, size }: Problem): string =>
  [kind, index ?? '-', ...(size === undefined ? [] : [`(${size})`])].join(' ')

/** Puts a body in the place of another, with its own leaf, as one who may write the table would. */
function replace(shard: StoredShard, place: number, body: Buffer): void {
  shard.entries[place] = { ...shard.entries[place]!, body, leaf: leafHash(body) }
}

describe('a log that nobody touched', () => {
  test('is found whole, whatever its size and however it was batched', async () => {
    const shape = fc.record({ count: fc.nat({ max: 1400 }), every: fc.integer({ min: 1, max: 500 }) })
    await fc.assert(
      fc.asyncProperty(shape, async ({ count, every }) => {
        const shard = storeShard(count, { every, isWitnessed: true })
        const result = await verifyShard(sourceOf(shard), { witnesses: [WITNESS_KEY] })
        expect(result).toMatchObject({ ok: true, size: BigInt(count), problems: [], dropped: 0 })
        expect(result.root).toEqual(treeHash(shard.entries.map(({ leaf }) => leaf)))
      }),
      { numRuns: 25 },
    )
  })

  test('is whole with tiles of three levels', async () => {
    const shard = storeShard(66_000, { every: 1000 })
    expect(shard.tiles.map(({ level }) => level).filter((level) => level > 0)).toEqual([1])
    let seen = 0
    const result = await verifyShard(sourceOf(shard), { onProgress: (entries) => (seen = entries) })
    expect([result.ok, result.size, seen]).toEqual([true, 66_000n, 66_000])
  })

  test('says that its newest entries are not signed yet, which is no fault', async () => {
    expect(await found((shard) => shard.checkpoints.pop())).toEqual(['unsigned 600'])
    const { ok } = await verifyShard(sourceOf(storeShard(0)))
    expect(ok).toBe(true)
  })
})

describe('who may write every table', () => {
  test('changes a body: the entry is named', async () => {
    expect(await found((shard) => shard.entries[321]!.body.write('x', 20))).toEqual(['changed 321'])
  })

  test('changes a body and its leaf: the tile names the entry, the checkpoint the hundred it is in', async () => {
    const tamper = (shard: StoredShard): void => replace(shard, 321, bodyOf(321n, FIRST_AT + 321_000, 'other'))
    expect(await found(tamper)).toEqual(['tile 321', 'root 300 (400)'])
  })

  test('changes body, leaf and tile: the checkpoint still says so', async () => {
    const tamper = (shard: StoredShard): void => {
      const body = bodyOf(321n, FIRST_AT + 321_000, 'other')
      replace(shard, 321, body)
      leafHash(body).copy(shard.tiles[1]!.hashes, (321 - 256) * 32)
    }
    expect(await found(tamper)).toEqual(['root 300 (400)'])
  })

  test('changes body, leaf, tile and all checkpoints, signing them with the key of the log: what was kept tells', async () => {
    const honest = storeShard(700, { isWitnessed: true })
    const forged = storeShard(700, { salt: 'forged' })
    expect((await verifyShard(sourceOf(forged))).ok).toBe(true)
    const { problems } = await verifyShard(sourceOf(forged), { known: [honest.checkpoints[2]!.note] })
    expect(problems.map(short)).toEqual(['fork - (300)'])
    // A witness does not cosign the forged ones: the time from which on nothing is witnessed is plain.
    const opened = await verifyShard(sourceOf(honest), {
      witnesses: [WITNESS_KEY],
      known: [honest.checkpoints[2]!.note],
    })
    expect(opened.ok).toBe(true)
  })

  test('changes an entry: the checkpoints that were kept say no more than those that are there', async () => {
    const known = storeShard(700).checkpoints.map(({ note }) => note)
    const tamper = (shard: StoredShard): void => replace(shard, 321, bodyOf(321n, FIRST_AT, 'other'))
    expect(await found(tamper, { known })).toEqual(['tile 321', 'root 300 (400)'])
  })

  test('deletes an entry: where a tile has its leaf nothing else is wrong', async () => {
    expect(await found((shard) => shard.entries.splice(321, 1))).toEqual(['missing 321'])
  })

  test('deletes an entry that is in no tile yet: no later checkpoint can be recomputed', async () => {
    expect(await found((shard) => shard.entries.splice(620, 3))).toEqual(['missing 620', 'root 600 (700)'])
  })

  test('deletes an entry and moves the others up', async () => {
    const tamper = (shard: StoredShard): void => {
      shard.entries.splice(321, 1)
      for (const entry of shard.entries.slice(321)) entry.index -= 1n
    }
    const all = await found(tamper)
    expect(all).toContain('missing 699')
    expect(all).toContain('root 300 (400)')
    expect(all.filter((one) => one.startsWith('tile')).at(0)).toBe('tile 321')
  })

  test('inserts an entry in between, under an index that is taken', async () => {
    const tamper = (shard: StoredShard): void => {
      shard.entries.splice(321, 0, { ...shard.entries[321]!, body: bodyOf(321n, FIRST_AT, 'new') })
    }
    expect((await found(tamper))[0]).toBe('changed 321')
    const before = (shard: StoredShard): unknown => shard.entries.splice(321, 0, { ...shard.entries[5]! })
    expect(await found(before)).toEqual(['unexpected 5'])
  })

  test('adds entries at the end that the log does not count', async () => {
    const tamper = (shard: StoredShard): void => {
      for (const index of [700n, 701n]) {
        const body = bodyOf(index, FIRST_AT + 700_000)
        shard.entries.push({ index, body, leaf: leafHash(body) })
      }
    }
    expect(await found(tamper)).toEqual(['unexpected 700', 'unexpected 701'])
  })

  test('swaps two entries', async () => {
    const tamper = ({ entries }: StoredShard): void => {
      const [a, b] = [entries[310]!, entries[330]!]
      entries[310] = { ...b, index: 310n }
      entries[330] = { ...a, index: 330n }
    }
    expect(await found(tamper)).toEqual(['tile 310', 'tile 330', 'root 300 (400)'])
  })

  test('cuts off the end, entries and tiles', async () => {
    const tamper = (shard: StoredShard): void => {
      shard.entries.length = 450
      shard.tiles.length = 1
      shard.size = 450n
    }
    expect(await found(tamper)).toEqual(['unsigned 400', 'truncated 450 (700)'].slice(1))
  })

  test('cuts off the end with the checkpoints over it: only what was kept tells', async () => {
    const [, , , , , , last] = storeShard(700).checkpoints
    const tamper = (shard: StoredShard): void => {
      shard.entries.length = 400
      shard.tiles.length = 1
      shard.checkpoints.length = 4
      shard.size = 400n
    }
    expect(await found(tamper)).toEqual([])
    expect(await found(tamper, { known: [last!.note] })).toEqual(['truncated 400 (700)'])
  })

  test('signs a size twice: the log stands, the fork is named', async () => {
    const tamper = (shard: StoredShard): void => {
      const note = signCheckpoint({ origin: shard.signer.name, size: 300n, root: Buffer.alloc(32, 5) }, shard.signer)
      shard.checkpoints.splice(3, 0, { size: 300n, note })
    }
    expect(await found(tamper)).toEqual(['fork - (300)'])
  })

  test('signs a size that is not of this log, then goes on with the log', async () => {
    const tamper = (shard: StoredShard): void => {
      const note = signCheckpoint({ origin: shard.signer.name, size: 350n, root: Buffer.alloc(32, 5) }, shard.signer)
      shard.checkpoints.splice(3, 0, { size: 350n, note })
    }
    expect(await found(tamper)).toEqual(['fork - (350)'])
  })

  test('has signatures that nobody can believe', async () => {
    const tamper = (shard: StoredShard): void => {
      const [one, two, three] = shard.checkpoints
      one!.note = one!.note.replace('\n100\n', '\n101\n')
      two!.size = 201n
      three!.note = 'nothing'
      const other = { ...shard.signer, name: 'other.example/log' }
      shard.checkpoints[3]!.note = signCheckpoint({ origin: other.name, size: 400n, root: Buffer.alloc(32) }, other)
    }
    const all = await found(tamper)
    expect(all.toSorted()).toEqual(['signature - (100)', 'signature - (201)', 'signature - (300)', 'signature - (400)'])
  })

  test('has checkpoints out of order', async () => {
    const tamper = (shard: StoredShard): void => {
      const [one, two] = shard.checkpoints
      shard.checkpoints.splice(0, 2, two!, one!)
    }
    expect(await found(tamper)).toEqual(['signature - (100)'])
  })

  test('dates an entry back to before a witness saw the log without it', async () => {
    const tamper = (hours: number) => (shard: StoredShard) => {
      // The log is honest but for the time: it was appended after the checkpoint of 600, which the witness dated.
      const body = bodyOf(650n, FIRST_AT + 600_000 - hours * 3_600_000)
      replace(shard, 650, body)
      const leaves = shard.entries.map(({ leaf }) => leaf)
      shard.checkpoints[6]!.note = signCheckpoint(
        { origin: shard.signer.name, size: 700n, root: treeHash(leaves) },
        shard.signer,
      )
    }
    const witnesses = [WITNESS_KEY]
    expect(await found(tamper(1.01), { witnesses }, { isWitnessed: true })).toEqual(['back-dated 650'])
    expect(await found(tamper(0.99), { witnesses }, { isWitnessed: true })).toEqual([])
    expect(await found(tamper(9), {}, { isWitnessed: true })).toEqual([]) // nobody says who witnesses are
  })

  test('forges a cosignature', async () => {
    const tamper = (shard: StoredShard): void => {
      const [first, second] = shard.checkpoints
      first!.note += cosign(second!.note, WITNESS, 1)
    }
    expect(await found(tamper, { witnesses: [WITNESS_KEY] })).toEqual(['signature - (100)'])
  })

  test.each([
    ['spaces', '{"at": "2026-05-01T08:00:00.000Z"}'],
    ['no time', '{"a":1}'],
    ['a time that is none', '{"at":"yesterday"}'],
    ['an array', '["2026-05-01T08:00:00.000Z"]'],
    ['no JSON', 'at'],
    ['nothing', ''],
    ['deep', '['.repeat(20_000)],
  ])('writes a body that is not ours: %s', async (_, text) => {
    const tamper = (shard: StoredShard): void => replace(shard, 690, Buffer.from(text))
    expect((await found(tamper))[0]).toBe('not-canonical 690')
  })

  test('writes a body that is no UTF-8', async () => {
    const body = Buffer.concat([
      Buffer.from('{"at":"2026-05-01T08:00:00.000Z","x":"'),
      Buffer.of(0xff),
      Buffer.from('"}'),
    ])
    expect((await found((shard) => replace(shard, 690, body)))[0]).toBe('not-canonical 690')
  })

  test('changes, drops or adds tiles', async () => {
    expect(await found((shard) => shard.tiles[1]!.hashes.fill(1, 64, 128))).toEqual(['tile 258', 'tile 259'])
    expect(await found((shard) => shard.tiles.shift())).toEqual(['tile 0'])
    expect(await found((shard) => shard.tiles.push({ ...shard.tiles[0]!, index: 9n }))).toEqual(['tile 2304'])
    const short = (shard: StoredShard): void => {
      shard.tiles[0]!.hashes = shard.tiles[0]!.hashes.subarray(0, 100)
    }
    expect(await found(short)).toContain('tile 0')
  })

  test('changes or drops a tile of a higher level', async () => {
    const shard = storeShard(66_000, { every: 1000 })
    const top = shard.tiles.pop()!
    expect((await verifyShard(sourceOf(shard))).problems.map(short)).toEqual(['tile 0'])
    top.hashes.fill(0, 320, 321)
    shard.tiles.push(top)
    expect((await verifyShard(sourceOf(shard))).problems.map(short)).toEqual(['tile 2560'])
  })

  test('puts another key in the place of the key', async () => {
    const forged = storeShard(700)
    const other = signerOf(forged.signer.name, 99)
    const key = verifierKey(forged.signer.name, forged.signer.key, ED25519)
    expect(await found(() => undefined, { keys: [key] })).toEqual([])
    expect(await found(() => undefined, { keys: [verifierKey(other.name, other.key, ED25519)] })).toEqual(['key -'])
    expect(await found((shard) => (shard.vkey = 'nonsense'))).toEqual(['key -'])
    // The same key under the name of another year's shard will do: names differ from year to year.
    expect(
      await found(() => undefined, { keys: [verifierKey('weir.example/audit/2025', forged.signer.key, ED25519)] }),
    ).toEqual([])
  })
})

test('of a thousand problems and more the first thousand are named', async () => {
  const shard = storeShard(1500)
  for (const entry of shard.entries) entry.body.write('x', 20)
  const result = await verifyShard(sourceOf(shard))
  expect([result.ok, result.problems.length, result.dropped]).toEqual([false, 1000, 500])
})

test('all that is wrong is found in one pass', async () => {
  const tamper = (shard: StoredShard): void => {
    shard.entries[10]!.body.write('x', 20)
    shard.entries[650]!.body.write('x', 20)
    shard.tiles[0]!.hashes[0]! ^= 1
    shard.checkpoints[4]!.note = 'nothing'
    shard.entries.splice(300, 1)
  }
  const all = await found(tamper)
  expect(all.toSorted()).toEqual(['changed 10', 'changed 650', 'missing 300', 'signature - (500)', 'tile 0'])
})

test('a source that cannot be read is a problem, not an exception', async () => {
  const broken: ShardSource = {
    ...sourceOf(storeShard(10)),
    async *entries() {
      yield* storeShard(10).entries.slice(0, 3)
      throw new FormatError('the bundle is cut off')
    },
  }
  const { ok, problems } = await verifyShard(broken)
  expect([ok, problems]).toEqual([false, [{ kind: 'file', index: null, detail: 'the bundle is cut off' }]])
})

describe('a log of several shards', () => {
  const two = (): StoredShard[] => [
    storeShard(300, { origin: 'weir.example/audit/2025' }),
    storeShard(200, { origin: 'weir.example/audit/2026', firstIndex: 300n }),
  ]

  test('is checked shard after shard, with one index through all', async () => {
    const shards = two()
    const good = await verifyLog(shards.map(sourceOf))
    expect([good.ok, good.size, good.shards.map(({ size }) => size)]).toEqual([true, 500n, [300n, 200n]])
    expect(good.root).toEqual(good.shards[1]!.root)
    shards[1]!.entries[7]!.body.write('x', 20)
    expect((await verifyLog(shards.map(sourceOf))).problems.map(short)).toEqual(['changed 307'])
  })

  test('lacks a shard, or the end of one: the next one begins too late', async () => {
    const [first, second] = two()
    expect((await verifyLog([sourceOf(second!)])).problems.map(short)).toEqual(['missing 0'])
    first!.entries.length = first!.checkpoints.length = 0
    first!.tiles.length = 0
    first!.size = 0n
    expect((await verifyLog([first!, second!].map(sourceOf))).problems.map(short)).toEqual(['missing 0'])
  })

  test('lacks its last shard: only what was kept tells', async () => {
    const [first, second] = two()
    const known = [second!.checkpoints[0]!.note, first!.checkpoints[0]!.note]
    expect((await verifyLog([sourceOf(first!)])).ok).toBe(true)
    expect((await verifyLog([sourceOf(first!)], { known })).problems.map(short)).toEqual(['truncated -'])
    expect((await verifyLog([first!, second!].map(sourceOf), { known })).ok).toBe(true)
    expect((await verifyLog([], { known: ['nothing'] })).problems.map(short)).toEqual(['signature -'])
  })
})
