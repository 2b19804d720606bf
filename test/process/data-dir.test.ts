import { execFile } from 'node:child_process'
import { mkdtemp, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeFolder } from '../../src/db/embedded/home.ts'
import { WEIR } from '../support/gateway-process.ts'

// /proc is there and answers ENOENT to whoever would make something in it: Node's recursive mkdir never ends.
const linux = process.platform === 'linux'
if (!linux) console.warn('no /proc here: what refuses a folder with ENOENT is not tested')

let folder: string
beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'weir-test-folder-')))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('a folder is made with what is missing above it, and may be there already', async () => {
  const path = join(folder, 'a', 'b', 'c')
  await makeFolder(path, 0o700)
  await makeFolder(path, 0o711)
  expect((await stat(path)).mode & 0o777).toBe(0o700)
})

test('a file, or a link to nothing, in the place of a folder is refused, also above it', async () => {
  await writeFile(join(folder, 'file'), '')
  await symlink(join(folder, 'gone'), join(folder, 'link'))
  for (const path of ['file', 'file/below', 'link', 'link/below']) {
    await expect(makeFolder(join(folder, path))).rejects.toThrow(/cannot be made \(E(EXIST|NOTDIR)\)/)
  }
})

test.skipIf(!linux)('a folder whose parent refuses with ENOENT is refused', async () => {
  for (const path of ['/proc/x', '/proc/x/y']) {
    await expect(makeFolder(path)).rejects.toThrow('/proc/x cannot be made (ENOENT)')
  }
})

test.skipIf(!linux).each([
  [['demo', '--exit', '--data-dir', '/proc/x'], {}],
  [['start'], { WEIR_DATA_DIR: '/proc/x' }],
])('weir %j says so and ends with 2', { timeout: 60_000 }, async (args, more) => {
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, WEIR_PORT: '0', ...more }
  const run = promisify(execFile)(process.execPath, [WEIR, ...args], { env, timeout: 30_000, killSignal: 'SIGKILL' })
  await expect(run).rejects.toMatchObject({ code: 2, stderr: expect.stringMatching(/weir: \/proc\/x cannot be made/) })
})
