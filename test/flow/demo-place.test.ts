import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makePlace } from '../../src/demo/place.ts'

const NOBODY_RUNS = '999999999'
const before = process.env.TMPDIR
let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'weir-place-'))
  process.env.TMPDIR = join(root, 'tmp')
  await mkdir(process.env.TMPDIR)
})
afterAll(async () => {
  if (before === undefined) delete process.env.TMPDIR
  else process.env.TMPDIR = before
  await rm(root, { recursive: true })
})

async function namesIn(folder: string): Promise<string[]> {
  return inOrder(await readdir(folder))
}

function inOrder(names: readonly string[]): string[] {
  return names.toSorted((a, b) => (a < b ? -1 : 1))
}

async function leftBehind(name: string): Promise<string> {
  const folder = join(root, 'tmp', `weir-demo-${name}`)
  await mkdir(join(folder, 'data'), { recursive: true })
  await writeFile(join(folder, 'run.pid'), NOBODY_RUNS)
  return folder
}

test('what a killed demo left is removed; links in it are not followed, and what others can write into is left alone', async () => {
  const documents = join(root, 'documents')
  await mkdir(documents)
  await writeFile(join(documents, 'letter'), '')
  await symlink(documents, join(await leftBehind('own'), 'data', 'postgres'))
  const planted = await leftBehind('planted')
  await symlink(documents, join(planted, 'data', 'postgres'))
  await chmod(planted, 0o777)
  await symlink(documents, join(root, 'tmp', 'weir-demo-link'))
  await writeFile(join(documents, 'run.pid'), NOBODY_RUNS)

  const place = await makePlace(undefined, () => Promise.reject(new Error('not asked for')))
  const mine = place.dataDir.split('/').at(-2)
  expect(await namesIn(join(root, 'tmp'))).toEqual(inOrder(['weir-demo-link', 'weir-demo-planted', mine ?? '']))
  expect(await namesIn(documents)).toEqual(['letter', 'run.pid'])
  await place.remove()
  expect(await namesIn(join(root, 'tmp'))).toEqual(['weir-demo-link', 'weir-demo-planted'])
})
