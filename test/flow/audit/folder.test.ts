import { execFile } from 'node:child_process'
import {
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  truncate,
  unlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { Command } from 'commander'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { addLines, cosign } from '../../../src/audit/checkpoint.ts'
import { writeFolder } from '../../../src/audit/export-folder.ts'
import { FormatError } from '../../../src/audit/format-error.ts'
import { formatTlogProof } from '../../../src/audit/tlog-proof.ts'
import { inclusionProof, leafHash, memoryReader } from '../../../src/audit/tree.ts'
import { formatVerifierKey } from '../../../src/audit/verifier-key.ts'
import { openFolder } from '../../../src/audit/verify-folder.ts'
import { verifyLog } from '../../../src/audit/verify-log.ts'
import type { VerifyOptions } from '../../../src/audit/verify-shard.ts'
import { registerVerifyReceipt } from '../../../src/cli/audit-receipt.ts'
import { registerExport, registerVerify } from '../../../src/cli/audit-verify.ts'
import { AppError } from '../../../src/errors.ts'
import { type StoredShard, sourceOf, storeShard, WITNESS, WITNESS_KEY } from '../../support/audit-shard.ts'
import { findOlderNode } from '../../support/older-node.ts'

let place: string
let made: string
const shards: StoredShard[] = [
  storeShard(700, { origin: 'weir.example/audit/2025', isWitnessed: true }),
  storeShard(300, { origin: 'weir.example/audit/2026', firstIndex: 700n, every: 90, isWitnessed: true }),
]

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'weir-audit-folder-'))
  made = join(place, 'made')
  await writeFolder(made, shards.map(sourceOf))
})
afterAll(() => rm(place, { recursive: true, force: true }))

let copies = 0
let folder: string
beforeEach(async () => {
  folder = join(place, `copy-${++copies}`)
  await cp(made, folder, { recursive: true })
})

async function found(options: VerifyOptions = {}): Promise<string[]> {
  const { ok, problems } = await verifyLog(await openFolder(folder), options)
  expect(ok).toBe(problems.length === 0)
  return problems.map(({ kind, index }) => `${kind} ${index ?? '-'}`)
}

const inFolder = (path: string): string => join(folder, path)

async function flip(path: string, at: number): Promise<void> {
  const bytes = await readFile(inFolder(path))
  bytes[at]! ^= 1
  await writeFile(inFolder(path), bytes)
}

test('an exported log has the files of C2SP tlog-tiles, what explains it, and what checks it', async () => {
  const names = (await readdir(made, { recursive: true })).toSorted()
  expect(names.filter((name) => !name.startsWith('verifier/'))).toEqual(
    [
      'README.txt',
      'log.json',
      'shards',
      'shards/2025',
      'shards/2025/checkpoint',
      'shards/2025/checkpoints.txt',
      'shards/2025/tile',
      'shards/2025/tile/0',
      'shards/2025/tile/0/000',
      'shards/2025/tile/0/001',
      'shards/2025/tile/0/002.p',
      'shards/2025/tile/0/002.p/188',
      'shards/2025/tile/1',
      'shards/2025/tile/1/000.p',
      'shards/2025/tile/1/000.p/2',
      'shards/2025/tile/entries',
      'shards/2025/tile/entries/000',
      'shards/2025/tile/entries/001',
      'shards/2025/tile/entries/002.p',
      'shards/2025/tile/entries/002.p/188',
      'shards/2025/vkey',
      'shards/2026',
      'shards/2026/checkpoint',
      'shards/2026/checkpoints.txt',
      'shards/2026/tile',
      'shards/2026/tile/0',
      'shards/2026/tile/0/000',
      'shards/2026/tile/0/001.p',
      'shards/2026/tile/0/001.p/44',
      'shards/2026/tile/1',
      'shards/2026/tile/1/000.p',
      'shards/2026/tile/1/000.p/1',
      'shards/2026/tile/entries',
      'shards/2026/tile/entries/000',
      'shards/2026/tile/entries/001.p',
      'shards/2026/tile/entries/001.p/44',
      'shards/2026/vkey',
      'verifier',
      'verify.mjs',
    ].toSorted(),
  )
  expect(await found({ witnesses: [WITNESS_KEY] })).toEqual([])
  const readme = await readFile(join(made, 'README.txt'), 'utf8')
  expect(readme).toContain('node verify.mjs')
  expect(readme).toContain('审计日志')
  expect(readme).toContain(shards[0]!.vkey)
})

describe('the verifier that travels with it', () => {
  const run = promisify(execFile)

  test('imports nothing but Node and itself, and has no types left', async () => {
    for (const name of await readdir(join(made, 'verifier'))) {
      const code = await readFile(join(made, 'verifier', name), 'utf8')
      for (const [, specifier] of code.matchAll(/from '([^']+)'/g))
        expect(specifier).toMatch(/^(node:[a-z/]+|\.\/[a-z-]+\.mjs)$/)
      expect(code).not.toMatch(/^import type|^export interface/m)
    }
  })

  test('checks it with nothing else around, and says what is wrong with a line and an exit code', async () => {
    const env = {}
    const clean = await run(process.execPath, [inFolder('verify.mjs'), '--json'], { env, cwd: '/' })
    expect(JSON.parse(clean.stdout)).toMatchObject({ ok: true, size: 1000, problems: [] })
    expect(clean.stderr).toBe('')
    await flip('shards/2025/tile/entries/000', 100)
    const broken = await run(process.execPath, [inFolder('verify.mjs'), '--json'], { env, cwd: '/' }).catch((e) => e)
    expect([broken.code, JSON.parse(broken.stdout).problems]).toEqual([1, [{ kind: 'changed', index: '0' }]])
    const text = await run(process.execPath, [inFolder('verify.mjs')], { env, cwd: '/' }).catch((e) => e)
    expect(text.stdout).toContain('The log is NOT whole.\n  changed at entry 0\n')
    const usage = await run(process.execPath, [inFolder('verify.mjs'), '--nonsense'], { env }).catch((e) => e)
    expect([usage.code, usage.stdout]).toEqual([2, ''])
    const badKey = await run(process.execPath, [inFolder('verify.mjs'), '--key', 'x'], { env }).catch((e) => e)
    expect([badKey.code, badKey.stderr]).toEqual([1, 'verify: a verifier key is name+id+key\n'])
  })

  test('finds with the auditor’s own keys and checkpoints what the folder alone cannot show', async () => {
    const args = [inFolder('verify.mjs'), '--json', '--witness', formatVerifierKey(WITNESS_KEY)]
    const kept = join(place, 'kept.txt')
    await writeFile(kept, shards[1]!.checkpoints.map(({ note }) => note).join('\n'))
    const good = await run(process.execPath, [...args, '--key', shards[0]!.vkey, '--known', kept, folder])
    expect(JSON.parse(good.stdout)).toMatchObject({ ok: true })
    const cut = join(place, 'cut')
    await writeFolder(cut, [
      sourceOf(shards[0]!),
      sourceOf(storeShard(180, { origin: 'weir.example/audit/2026', firstIndex: 700n, every: 90 })),
    ])
    const stale = await run(process.execPath, [...args, '--known', kept, cut]).catch((e) => e)
    expect(JSON.parse(stale.stdout).problems.map(({ kind }: { kind: string }) => kind)).toEqual([
      'truncated',
      'truncated',
    ])
  })

  const older = findOlderNode()
  if (older === undefined) console.warn('SKIPPED: no older Node is on PATH')
  test.skipIf(older === undefined)('runs on the Node that a machine happens to have', async () => {
    const { stdout, stderr } = await run(older!, [inFolder('verify.mjs'), '--json'], { env: {}, cwd: '/' })
    expect([JSON.parse(stdout).ok, stderr]).toEqual([true, ''])
    await flip('shards/2026/tile/entries/001.p/44', 5)
    const broken = await run(older!, [inFolder('verify.mjs'), '--json'], { env: {} }).catch((e) => e)
    expect([broken.code, JSON.parse(broken.stdout).problems]).toEqual([1, [{ kind: 'changed', index: '956' }]])
  })
})

describe('a folder that somebody worked on', () => {
  test('has entries, hashes or keys that are not those of the log', async () => {
    await flip('shards/2025/tile/entries/001', 30)
    expect(await found()).toEqual(['changed 256'])
  })

  test('has a leaf changed with its entry: the tile above and the checkpoints say so', async () => {
    const path = 'shards/2025/tile/entries/001'
    await flip(path, 30)
    const entry = (await readFile(inFolder(path))).subarray(2)
    const tile = await readFile(inFolder('shards/2025/tile/0/001'))
    leafHash(entry.subarray(0, (await readFile(inFolder(path))).readUInt16BE(0))).copy(tile, 0)
    await writeFile(inFolder('shards/2025/tile/0/001'), tile)
    expect((await found()).filter((one) => !one.startsWith('not-canonical'))).toEqual(['root 200', 'tile 256'])
  })

  test('lacks files', async () => {
    await unlink(inFolder('shards/2025/tile/entries/001'))
    expect(await found()).toEqual(['missing 256', 'file 256'])
    await unlink(inFolder('shards/2025/tile/0/001'))
    expect(await found()).toEqual(['missing 256', 'root 200', 'file 256', 'file 256'])
    await unlink(inFolder('shards/2026/vkey'))
    expect(await found()).toContain('key -')
    await unlink(inFolder('shards/2025/checkpoints.txt'))
    expect(await found()).toContain('file -')
    await unlink(inFolder('log.json'))
    await expect(found()).rejects.toThrow('log.json is missing')
  })

  test('has files that are cut off, or too long', async () => {
    await truncate(inFolder('shards/2025/tile/0/000'), 8191)
    await truncate(inFolder('shards/2025/tile/entries/000'), 5000)
    await writeFile(inFolder('shards/2026/tile/0/000'), Buffer.alloc(9000))
    const all = await found()
    for (const one of ['missing 0', 'root 0', 'file 0', 'tile 700', 'file 700']) expect(all).toContain(one)
  })

  test('has files that the log has not', async () => {
    await copyFile(inFolder('shards/2025/tile/0/000'), inFolder('shards/2025/tile/0/007'))
    await writeFile(inFolder('shards/2025/notes'), 'a')
    expect(await found()).toEqual(['file -', 'file -'])
  })

  test('leads elsewhere by a symbolic link', async () => {
    await unlink(inFolder('shards/2025/tile/0/000'))
    await symlink('/etc/hostname', inFolder('shards/2025/tile/0/000'))
    await expect(found()).rejects.toThrow(FormatError)
  })

  test('says that the log is larger than anything', async () => {
    const path = 'shards/2025/checkpoint'
    const note = (await readFile(inFolder(path), 'utf8')).replace('\n700\n', '\n9000000000000000000\n')
    await writeFile(inFolder(path), note)
    const all = await verifyLog(await openFolder(folder))
    expect(all.ok).toBe(false)
    expect(all.problems.map(({ kind }) => kind)).toContain('signature')
  })

  test('is the export of an older time', async () => {
    const older = storeShard(180, { origin: 'weir.example/audit/2026', firstIndex: 700n, every: 90 })
    folder = join(place, 'older')
    await writeFolder(folder, [shards[0]!, older].map(sourceOf))
    expect(await found()).toEqual([])
    expect(await found({ known: [shards[1]!.checkpoints.at(-1)!.note] })).toEqual(['truncated 880'])
  })

  test('is no folder at all', async () => {
    await expect(openFolder(join(place, 'nowhere'))).rejects.toThrow(FormatError)
    await expect(openFolder(inFolder('README.txt'))).rejects.toThrow(FormatError)
    for (const text of ['', '{}\n', '{"shards":[{}],"v":1}\n', '[]\n', '{"shards":[],"v":2}\n', '\ufffd']) {
      await writeFile(inFolder('log.json'), text)
      await expect(openFolder(folder)).rejects.toThrow(FormatError)
    }
    const shard = '{"firstIndex":"0","origin":"o","path":"../.."}'
    await writeFile(inFolder('log.json'), `{"shards":[${shard}],"v":1}\n`)
    await expect(openFolder(folder)).rejects.toThrow(FormatError)
  })

  test('has any one bit of its log changed, any file cut off or taken away: it is found, without an exception', async () => {
    const files = (await readdir(made, { recursive: true, withFileTypes: true }))
      .filter((one) => one.isFile() && (one.name === 'log.json' || one.parentPath.includes('/shards')))
      .map((one) => join(one.parentPath, one.name).slice(made.length + 1))
      .toSorted()
    const harm = fc.record({
      file: fc.constantFrom(...files),
      at: fc.double({ min: 0, max: 0.999999, noNaN: true }),
      bit: fc.nat({ max: 7 }),
      how: fc.constantFrom('flip', 'cut', 'remove'),
    })
    await fc.assert(
      fc.asyncProperty(harm, async ({ file, at, bit, how }) => {
        const bytes = await readFile(join(made, file))
        const changed = Buffer.from(bytes)
        changed[Math.floor(at * bytes.length)]! ^= 1 << bit
        if (how === 'remove') await unlink(inFolder(file))
        else
          await writeFile(inFolder(file), how === 'flip' ? changed : bytes.subarray(0, Math.floor(at * bytes.length)))
        try {
          const result = await openFolder(folder).then(
            (opened) => verifyLog(opened, { witnesses: [WITNESS_KEY] }),
            (e) => e,
          )
          if (result instanceof Error) expect(result).toBeInstanceOf(FormatError)
          else expect(result.ok, `${how} ${file} at ${at}`).toBe(false)
        } finally {
          await writeFile(inFolder(file), bytes)
        }
      }),
      { numRuns: 250 },
    )
    expect(await found({ witnesses: [WITNESS_KEY] })).toEqual([])
  }, 120_000)
})

describe('writing a folder', () => {
  test('is refused where something is already', async () => {
    await expect(writeFolder(folder, shards.map(sourceOf))).rejects.toThrow(AppError)
    await expect(writeFolder(inFolder('README.txt'), shards.map(sourceOf))).rejects.toThrow(AppError)
    const empty = join(place, 'empty')
    await mkdir(empty)
    const { size } = await writeFolder(empty, shards.map(sourceOf))
    expect(size).toBe(1000n)
  })

  test('leaves nothing where it fails on the way', async () => {
    const target = join(place, 'failed')
    const broken = storeShard(700)
    broken.entries.splice(300, 1)
    await expect(writeFolder(target, [sourceOf(broken)])).rejects.toThrow('damaged at entry 300')
    const left = (await readdir(dirname(target))).filter((name) => name.startsWith('failed'))
    expect(left).toEqual([])
  })

  test('ends at the last signature, and leaves out a shard that has none', async () => {
    const target = join(place, 'signed')
    const late = storeShard(250, { every: 100 })
    late.checkpoints.pop()
    const unsigned = storeShard(10, { origin: 'weir.example/audit/2027', firstIndex: 250n })
    unsigned.checkpoints.pop()
    const exported = await writeFolder(target, [sourceOf(late), sourceOf(unsigned)])
    expect(exported).toEqual({ size: 200n, shards: [{ origin: 'weir.example/audit/2026', path: '2026', size: 200n }] })
    folder = target
    expect(await found()).toEqual([])
  })

  test('keeps two shards apart whose names are the same on two hosts', async () => {
    folder = join(place, 'moved')
    const moved = storeShard(20, { origin: 'other.example/audit/2025', firstIndex: 700n })
    const { shards: written } = await writeFolder(folder, [shards[0]!, moved].map(sourceOf))
    expect(written.map(({ path }) => path)).toEqual(['2025', '2025.2'])
    expect(await found()).toEqual([])
  })
})

describe('the command line', () => {
  /** What a command wrote on stdout, and its exit code. */
  async function weir(...args: string[]): Promise<{ code: number; stdout: string }> {
    const program = new Command().exitOverride()
    const withLog = <T>(use: (log: ReturnType<typeof sourceOf>[]) => Promise<T>): Promise<T> =>
      use(shards.map(sourceOf))
    registerVerify(program.command('verify'), withLog)
    registerExport(program.command('export'), withLog)
    registerVerifyReceipt(program.command('verify-receipt'), withLog)
    for (const command of program.commands) command.option('--json')
    const write = process.stdout.write.bind(process.stdout)
    let stdout = ''
    process.stdout.write = (text: string | Uint8Array) => {
      stdout += String(text)
      return true
    }
    try {
      process.exitCode = 0
      await program.parseAsync(args, { from: 'user' })
      return { code: Number(process.exitCode), stdout }
    } finally {
      process.stdout.write = write
      process.exitCode = undefined
    }
  }

  test('exports the log of the database and checks either', async () => {
    const target = join(place, 'by-command')
    const made = await weir('export', target, '--json')
    expect(JSON.parse(made.stdout)).toMatchObject({ folder: target, size: 1000 })
    for (const args of [['--export', target], []]) {
      const { code, stdout } = await weir('verify', ...args, '--json', '--key', shards[0]!.vkey)
      const found = JSON.parse(stdout)
      expect([code, found.ok, found.size, found.problems, found.shards.length]).toEqual([0, true, 1000, [], 2])
      expect(found.root).toBe(found.shards[1].root)
    }
    folder = target
    await flip('shards/2025/tile/entries/000', 50)
    const broken = await weir('verify', '--export', target, '--json')
    expect([broken.code, JSON.parse(broken.stdout).problems]).toEqual([1, [{ kind: 'changed', index: '0' }]])
    expect((await weir('verify', '--export', target)).stdout).toContain('NOT whole')
    await expect(weir('verify', '--key', 'nonsense')).rejects.toMatchObject({ kind: 'invalid' })
    await expect(weir('verify', '--export', join(place, 'nowhere'))).rejects.toMatchObject({ code: 'unreadable' })
    await expect(weir('verify', '--known', join(place, 'nowhere'))).rejects.toMatchObject({ code: 'unreadable' })
  })

  test('checks a receipt, with the key of any year, and with a quorum of witnesses', async () => {
    const shard = shards[1]!
    const leaves = shard.entries.map(({ leaf }) => leaf)
    const proof = await inclusionProof(13n, 300n, memoryReader(leaves))
    const { note } = shard.checkpoints.at(-1)!
    const file = join(place, 'entry.tlog-proof')
    const witness = formatVerifierKey(WITNESS_KEY)
    await writeFile(file, formatTlogProof({ index: 13n, proof, note, extra: shard.entries[13]!.body }))
    const good = await weir('verify-receipt', file, '--json', '--key', shards[0]!.vkey, '--witness', witness)
    expect([good.code, JSON.parse(good.stdout)]).toEqual([
      0,
      {
        ok: true,
        outcome: 'valid',
        origin: 'weir.example/audit/2026',
        index: 13,
        size: 300,
        entry: shard.entries[13]!.body.toString(),
        cosigned: [{ witness: WITNESS.name, at: '2026-05-01T08:05:00.000Z' }],
      },
    ])
    expect((await weir('verify-receipt', file)).stdout).toContain('Entry 13 of weir.example/audit/2026')
    const other = join(place, 'other.json')
    await writeFile(other, shard.entries[14]!.body)
    const wrong = await weir('verify-receipt', file, '--json', '--entry', other)
    expect([wrong.code, JSON.parse(wrong.stdout)]).toEqual([1, { ok: false, outcome: 'inclusion' }])
    const twice = addLines(note, [cosign(note, WITNESS, 1_800_000_000)])
    await writeFile(file, formatTlogProof({ index: 13n, proof, note: twice, extra: shard.entries[13]!.body }))
    const two = await weir('verify-receipt', file, '--json', '--witness', witness, '--quorum', '2')
    expect([two.code, JSON.parse(two.stdout).outcome]).toEqual([1, 'quorum'])
    await writeFile(file, 'nothing')
    expect((await weir('verify-receipt', file)).stdout).toBe('The receipt proves nothing: malformed.\n')
    await expect(weir('verify-receipt', join(place, 'nowhere'))).rejects.toMatchObject({ code: 'unreadable' })
  })
})
