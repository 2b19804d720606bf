import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { changed, SMALL } from '../unit/policy/small-policy.ts'

const bin = join(import.meta.dirname, '..', '..', 'bin', 'weir.mjs')
let directory: string
let good: string
let bad: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'weir-policy-'))
  good = join(directory, 'good.policy.yaml')
  bad = join(directory, 'bad.policy.yaml')
  await writeFile(good, SMALL)
  await writeFile(bad, changed('retain_days: 180', 'retain_days: long').replace('policy: small', 'policy: Small'))
})
afterAll(() => rm(directory, { recursive: true }))

function weir(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [bin, 'policy', ...args], (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr })
    })
  })
}

test('check says that a policy holds, and the shipped one does', async () => {
  const answer = await weir('check', '--file', good, '--json')
  expect(answer.code).toBe(0)
  expect(JSON.parse(answer.stdout)).toMatchObject({ ok: true, file: good, policy: 'small', problems: [] })
  const shipped = await weir('check')
  expect(shipped).toMatchObject({ code: 0, stderr: '' })
  expect(shipped.stdout).toContain('shop.policy.yaml: shop holds')
})

test('check lists every problem by file, line and column and ends with 1', async () => {
  const { code, stdout } = await weir('check', '--file', bad)
  expect(code).toBe(1)
  expect(stdout.trim().split('\n')).toEqual([
    expect.stringContaining(`${bad}:2:9: \`policy\` is not right: write a name`),
    expect.stringContaining(`${bad}:13:28: \`retain_days\` is not right: write a whole number`),
  ])
  const json = await weir('check', '--file', bad, '--json')
  expect(JSON.parse(json.stdout)).toMatchObject({ ok: false, problems: [{ line: 2 }, { line: 13 }] })
})

test('explain answers what becomes of an event and what would change it', async () => {
  const { code, stdout } = await weir('explain', 'Looked', '--file', good, '--refuse', 'personalisation', '--json')
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({
    outcome: 'refused',
    reason: 'refused-by-person',
    wouldPermit: { destinations: ['reco'] },
  })
  const text = await weir('explain', 'Looked', '--file', good, '--grant', 'personalisation,analytics')
  expect(text.stdout).toContain('reco: permitted, for personalisation')
})

test('explain ends with 2 for a purpose that does not exist, with 1 for an unknown event or a bad policy', async () => {
  expect((await weir('explain', 'Looked', '--file', good, '--grant', 'everything')).code).toBe(2)
  expect(await weir('explain', 'Slept', '--file', good)).toMatchObject({
    code: 1,
    stdout: expect.not.stringContaining('mean'),
  })
  const misspelt = await weir('explain', 'loked', '--file', good)
  expect(misspelt).toMatchObject({ code: 1, stdout: expect.stringContaining('did you mean "Looked"?') })
  const refused = await weir('explain', 'Looked', '--file', bad)
  expect(refused.code).toBe(1)
  expect(refused.stderr).toContain(`${bad}:2:9:`)
})
