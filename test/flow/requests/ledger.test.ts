import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createErasureLedger, type LedgerEntry } from '../../../src/rights/erasure/ledger-file.ts'

let folder: string
let next = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-ledger-'))
})
afterAll(() => rm(folder, { recursive: true }))

const newPath = (): string => join(folder, `${next++}`, 'erasures.jsonl')
const uuid = (n: number): string => `00000000-0000-4000-8000-00000000000${n}`
const entry = (n: number): LedgerEntry => ({
  v: 1,
  id: uuid(n),
  at: '2026-11-23T00:00:00.000Z',
  subjects: ['s'],
  tombstones: ['t'],
})

test('nodes that begin it at once leave one that is read, whatever was added in between', async () => {
  const path = newPath()
  const nodes = Array.from({ length: 8 }, () => createErasureLedger(path, 'ours'))
  await Promise.all(nodes.map((node, i) => (i % 2 === 0 ? node.begin() : node.append(entry(i)))))
  const read = await nodes[0]!.read()
  expect(read?.map(({ id }) => id).sort()).toEqual([1, 3, 5, 7].map(uuid))
  // As two that saw the same nothing leave it, in whatever order.
  const [head] = (await readFile(path, 'utf8')).split('\n')
  await appendFile(path, `${head}\n`)
  await nodes[0]!.append(entry(8))
  expect((await nodes[0]!.read())?.map(({ id }) => id).sort()).toEqual([1, 3, 5, 7, 8].map(uuid))
})

test('none, an empty one and one whose first line is torn are as good as lost, and begun anew', async () => {
  for (const text of [undefined, '', '{"v":1,"insta']) {
    const path = newPath()
    const ledger = createErasureLedger(path, 'ours')
    await ledger.begin()
    if (text === undefined) await rm(path)
    else await writeFile(path, text)
    expect(await ledger.read()).toBeUndefined()
    await ledger.append(entry(1))
    expect(await ledger.read()).toEqual([entry(1)])
  }
})

test('an erasure that was written twice is one, and a torn last line none', async () => {
  const path = newPath()
  const ledger = createErasureLedger(path, 'ours')
  for (const n of [1, 2, 1]) await ledger.append(entry(n))
  await appendFile(path, '\n{"v":1,"id":"e3","at"')
  expect((await ledger.read())?.map(({ id }) => id)).toEqual([1, 2].map(uuid))
  await ledger.append(entry(4))
  expect((await ledger.read())?.map(({ id }) => id)).toEqual([1, 2, 4].map(uuid))
})

test('that of other keys, and one with a line that is none, are refused', async () => {
  const path = newPath()
  await createErasureLedger(path, 'theirs').append(entry(1))
  await expect(createErasureLedger(path, 'ours').read()).rejects.toMatchObject({ code: 'ledger-foreign' })
  const text = await readFile(path, 'utf8')
  await writeFile(path, text.replace('"id"', '"no"'))
  await expect(createErasureLedger(path, 'theirs').read()).rejects.toMatchObject({ code: 'ledger-damaged' })
})
