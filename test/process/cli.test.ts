import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type DataDir, makeDataDir } from '../support/data-dir.ts'
import { until } from '../support/until.ts'

const weir = join(import.meta.dirname, '..', '..', 'bin', 'weir.mjs')
const olderNode = await findOlderNode()
let data: DataDir

beforeAll(async () => {
  data = await makeDataDir()
})
afterAll(() => data.remove())

test('the help names every command, and each command has help with an example', async () => {
  const help = await run(['--help'])
  expect(help.code).toBe(0)
  for (const name of ['migrate', 'db-url', 'backup', 'restore']) {
    expect(help.stdout).toMatch(new RegExp(`^ +${name}\\b`, 'm'))
    const own = await run([name, '--help'])
    expect(own.code).toBe(0)
    expect(own.stdout).toContain('Example:')
    expect(own.stdout).toContain('--json')
  }
})

test('bad usage is 2 with a line on stderr', async () => {
  for (const args of [['nonsense'], ['backup'], ['migrate', '--nonsense'], ['db-url', 'extra', 'words']]) {
    const ended = await run(args)
    expect({ args, code: ended.code, stdout: ended.stdout }).toEqual({ args, code: 2, stdout: '' })
    expect(ended.stderr).toContain('error:')
  }
  const wrong = await run(['db-url', '--json'], { WEIR_PORT: 'eighty' })
  expect(wrong.code).toBe(2)
  expect(wrong.stderr).toContain('WEIR_PORT must be')
  expect(JSON.parse(wrong.stdout)).toMatchObject({ error: { code: 'config' } })
})

test('db-url prints the running database, else says that none runs', async () => {
  const none = await run(['db-url'])
  expect(none).toMatchObject({ code: 1, stdout: '' })
  expect(none.stderr).toMatch(/^weir: no database runs under .*\n$/)
  const server = await data.start()
  expect(await run(['db-url'])).toEqual({ code: 0, stdout: `${server.ownerUrl}\n`, stderr: '' })
  expect(JSON.parse((await run(['db-url', '--json'])).stdout)).toEqual({ url: server.ownerUrl })
  await server.stop()
})

test('migrate starts the database where none runs, migrates and stops it', async () => {
  const first = JSON.parse((await run(['migrate', '--json'])).stdout)
  expect(first.applied).toBeGreaterThan(0)
  expect(await run(['migrate'])).toEqual({ code: 0, stdout: 'Nothing to apply.\n', stderr: '' })
  expect((await run(['db-url'])).code).toBe(1)
})

test('--check-node says nothing on this Node', async () => {
  expect(await run(['--check-node'])).toEqual({ code: 0, stdout: '', stderr: '' })
})

if (olderNode === undefined)
  console.warn('no Node older than 24 on this machine: being handed to a newer one is not tested')
test.skipIf(olderNode === undefined)('an older Node hands over, with arguments, answer and exit code', async () => {
  expect(await run(['migrate', '--json'], {}, olderNode)).toEqual({ code: 0, stdout: '{"applied":0}\n', stderr: '' })
  expect((await run(['nonsense'], {}, olderNode)).code).toBe(2)
  const check = await run(['--check-node'], {}, olderNode)
  expect(check).toMatchObject({ code: 1, stdout: '' })
  expect(check.stderr).toMatch(/^Weir needs Node 24 and this is v\d+.*\n$/)
})

test.skipIf(olderNode === undefined)('an older Node passes signals on, and its own violent end', async () => {
  // A copy of the launcher beside a stand-in for the program that tells its pid and the signal that reached it.
  const root = await mkdtemp(join(tmpdir(), 'weir-launcher-'))
  const { mkdir, copyFile, symlink } = await import('node:fs/promises')
  for (const folder of ['bin', 'src/cli', 'node_modules/.bin']) await mkdir(join(root, folder), { recursive: true })
  await copyFile(weir, join(root, 'bin', 'weir.mjs'))
  await symlink(process.execPath, join(root, 'node_modules', '.bin', 'node'))
  await writeFile(
    join(root, 'src', 'cli', 'main.ts'),
    `import { writeFileSync } from 'node:fs'
     export function main([file]: string[]): void {
       process.on('SIGTERM', () => { writeFileSync(file + '.signal', 'SIGTERM'); process.exit(7) })
       setInterval(() => undefined, 1000)
       writeFileSync(file, String(process.pid))
     }`,
  )
  await writeFile(join(root, 'package.json'), '{"type":"module"}')
  for (const [index, signal] of (['SIGTERM', 'SIGKILL'] as const).entries()) {
    const file = join(root, `pid-${index}`)
    const child = spawn(olderNode ?? '', [join(root, 'bin', 'weir.mjs'), file], { stdio: 'ignore' })
    await until('the program runs', () => existsSync(file))
    child.kill(signal)
    await until('the signal reached the program', () => existsSync(`${file}.signal`))
    await until('the launcher is gone', () => child.exitCode !== null || child.signalCode !== null)
    expect(child.exitCode).toBe(signal === 'SIGTERM' ? 7 : null)
    expect(await readFile(`${file}.signal`, 'utf8')).toBe('SIGTERM')
  }
  await rm(root, { recursive: true })
})

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

async function run(args: string[], env: NodeJS.ProcessEnv = {}, node: string = process.execPath): Promise<Ended> {
  const child = spawn(node, [weir, ...args], { env: { PATH: process.env.PATH, WEIR_DATA_DIR: data.path, ...env } })
  const out = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      out[name] += text
    })
  }
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, ...out }
}

/** A Node between 18 and 23 among the programs on PATH. */
async function findOlderNode(): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? '').split(':')) {
    const candidate = join(folder, 'node')
    if (!existsSync(candidate)) continue
    const major = await new Promise<number>((resolve) => {
      const child = spawn(candidate, ['-p', 'process.versions.node'], { stdio: ['ignore', 'pipe', 'ignore'] })
      child.stdout.setEncoding('utf8').on('data', (text: string) => resolve(Number.parseInt(text, 10)))
      child.on('error', () => resolve(0))
    })
    if (major >= 18 && major < 24) return candidate
  }
  return undefined
}
