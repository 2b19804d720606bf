import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loadPolicy, PolicyRefused } from '../../src/policy/load.ts'
import { changed, SMALL } from '../unit/policy/small-policy.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'weir-policy-'))
})
afterEach(() => rm(directory, { recursive: true }))

const write = async (name: string, text: string): Promise<string> => {
  const file = join(directory, name)
  await writeFile(file, text)
  return file
}

test('a policy is loaded from its file or from the directory that holds it', async () => {
  const file = await write('small.policy.yaml', SMALL)
  await write('small.test.yaml', 'not a policy')
  const loaded = await loadPolicy(directory)
  expect(loaded).toMatchObject({ file, text: SMALL, policy: { name: 'small', version: 0 } })
  expect((await loadPolicy(file)).policy).toEqual(loaded.policy)
})

test('a directory without a policy, or with two, says what to do', async () => {
  await expect(loadPolicy(directory)).rejects.toMatchObject({ kind: 'not-found' })
  await expect(loadPolicy(join(directory, 'none'))).rejects.toThrow(/WEIR_POLICY_DIR/)
  await write('a.policy.yaml', SMALL)
  await write('b.policy.yaml', SMALL)
  await expect(loadPolicy(directory)).rejects.toThrow(/keep one/)
})

test('a policy that cannot be proved is refused in one line, with all problems beside it', async () => {
  const text = changed('analytics: {basis: consent', 'analytics: {basis: contract').replace('[note]', '[note, total]')
  const file = await write('small.policy.yaml', text)
  const error = await loadPolicy(file).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(PolicyRefused)
  expect((error as PolicyRefused).problems).toHaveLength(2)
  expect((error as PolicyRefused).message).toBe(
    `${file}:7:22: analytics is not necessary for a contract or a duty: write basis: consent (and 1 more: weir policy check)`,
  )
})

test('a policy does not decide before the day on which it takes effect', async () => {
  const file = await write('small.policy.yaml', SMALL)
  await expect(loadPolicy(file, { now: new Date('2026-10-31T23:59:59Z') })).rejects.toThrow(/:3:12: .*2026-11-01 only/)
  await expect(loadPolicy(file, { now: new Date('2026-11-01T00:00:00Z') })).resolves.toBeDefined()
})
