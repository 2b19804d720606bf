import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { addLines, openCheckpoint, signCheckpoint } from '../../../src/audit/checkpoint.ts'
import { EMPTY_ROOT } from '../../../src/audit/tree.ts'
import { parseVerifierKey, type VerifierKey } from '../../../src/audit/verifier-key.ts'
import { submitTo } from '../../../src/audit/witness-client.ts'
import { type RunningWitness, startWitness } from '../../../src/cli/audit-witness.ts'
import { signerOf } from '../../support/audit-shard.ts'
import { growingLog } from '../../support/growing-log.ts'

const log = growingLog()
const other = growingLog('other.example/log42', 5)

let place: string
let state: string
let witness: RunningWitness
let key: VerifierKey
let states = 0

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'weir-witness-'))
})
afterAll(() => rm(place, { recursive: true, force: true }))
beforeEach(async () => {
  state = join(place, `state-${++states}`)
  await start()
})
afterEach(() => witness.stop())

async function start(): Promise<void> {
  const logs = [log.key, other.key]
  witness = await startWitness({ host: '127.0.0.1', port: 0, state, name: 'witness.example/w1', logs })
  key = parseVerifierKey(witness.vkey)
}

/** One request as it goes over the wire: status, type and body of the answer. */
async function send(
  body: string | Buffer,
  path = '/add-checkpoint',
  method = 'POST',
): Promise<[number, string, string]> {
  const sent = method === 'GET' ? {} : { body: typeof body === 'string' ? body : new Uint8Array(body) }
  const response = await fetch(witness.url + path, { method, ...sent })
  return [response.status, response.headers.get('content-type') ?? '', await response.text()]
}

const request = (old: number, proof: readonly Buffer[], note: string): string =>
  `old ${old}\n${proof.map((hash) => `${hash.toString('base64')}\n`).join('')}\n${note}`

/** The witness at this size, through the front door. */
async function bring(size: number): Promise<void> {
  const leaves = log.leaves(size)
  const result = await submitTo({ url: witness.url, key }, log.note(leaves), (from) => log.proof(leaves, from))
  expect(result.outcome).toBe('cosigned')
}

const SIZE = 'text/x.tlog.size'
const TEXT = 'text/plain; charset=utf-8'

describe('add-checkpoint', () => {
  test('200: the line that it answers is a cosignature of now, over the checkpoint', async () => {
    const note = log.note(log.leaves(7))
    const before = Math.floor(Date.now() / 1000)
    const [status, type, body] = await send(request(0, [], note))
    expect([status, type]).toEqual([200, TEXT])
    expect(body).toMatch(/^— witness\.example\/w1 [A-Za-z0-9+/]+=*\n$/)
    const { verified } = openCheckpoint(addLines(note, [body]), [log.key, key])
    expect(verified.map((one) => one.key.name)).toEqual([log.signer.name, 'witness.example/w1'])
    expect(verified[1]!.timestamp).toBeGreaterThanOrEqual(before)
    expect(verified[1]!.timestamp).toBeLessThanOrEqual(Math.floor(Date.now() / 1000))
  })

  test('200: it follows a log that grows, and says the same again of the size that it knows', async () => {
    await bring(7)
    const leaves = log.leaves(20)
    expect((await send(request(7, await log.proof(leaves, 7n), log.note(leaves))))[0]).toBe(200)
    expect((await send(request(20, [], log.note(leaves))))[0]).toBe(200)
    expect(await send(request(7, await log.proof(leaves, 7n), log.note(leaves)))).toEqual([409, SIZE, '20\n'])
  })

  test('200: an empty log may be witnessed, once it is one', async () => {
    const empty = signCheckpoint({ origin: log.signer.name, size: 0n, root: EMPTY_ROOT }, log.signer)
    expect((await send(request(0, [], empty)))[0]).toBe(200)
    const wrong = signCheckpoint({ origin: log.signer.name, size: 0n, root: Buffer.alloc(32) }, log.signer)
    expect((await send(request(0, [], wrong)))[0]).toBe(409)
    expect((await send(request(0, [], log.note(log.leaves(3)))))[0]).toBe(200)
  })

  test('200: signatures of others on the checkpoint are no matter, nor is a shard of another year', async () => {
    const note = log.note(log.leaves(2))
    const stranger = signerOf('stranger.example/x', 9)
    const line = signCheckpoint({ origin: 'o', size: 1n, root: Buffer.alloc(32) }, stranger)
      .split('\n')
      .at(-2)!
    expect((await send(request(0, [], `${note}${line}\n`)))[0]).toBe(200)
    const next = growingLog('weir.example/audit/2027')
    expect((await send(request(0, [], next.note(next.leaves(4)))))[0]).toBe(200)
    expect((await send(request(0, [], log.note(log.leaves(2)))))[2]).toBe('2\n') // each has its own state
  })

  test.each([
    ['nothing', () => ''],
    ['no old size', (note: string) => `\n${note}`],
    ['a leading zero', (note: string) => `old 07\n\n${note}`],
    ['another word', (note: string) => `new 0\n\n${note}`],
    ['two spaces', (note: string) => `old  0\n\n${note}`],
    ['a negative size', (note: string) => `old -1\n\n${note}`],
    ['no empty line', (note: string) => `old 0\n${note}`],
    ['a proof that is no hash', (note: string) => `old 0\nAAAA\n\n${note}`],
    ['more than 63 lines of proof', (note: string) => `old 0\n${`${'A'.repeat(43)}=\n`.repeat(64)}\n${note}`],
    ['no note', () => 'old 0\n\nweir.example\n'],
    ['no checkpoint', (note: string) => `old 0\n\n${note.replace('\n7\n', '\nseven\n')}`],
    ['an old size beyond the checkpoint', (note: string) => `old 8\n\n${note}`],
  ])('400: %s', async (_, make) => {
    expect((await send(make(log.note(log.leaves(7)))))[0]).toBe(400)
  })

  test('400: what is no text', async () => {
    const note = Buffer.from(request(0, [], log.note(log.leaves(7))))
    note[60] = 0xff
    expect((await send(note))[0]).toBe(400)
  })

  test('403: nobody whom it trusts signed the checkpoint', async () => {
    const note = log.note(log.leaves(7))
    expect((await send(request(0, [], note.replace('\n7\n', '\n8\n'))))[0]).toBe(403)
    const impostor = growingLog(log.signer.name, 99)
    expect((await send(request(0, [], impostor.note(impostor.leaves(7)))))[0]).toBe(403)
  })

  test('404: a log that it does not know, under the same key or none', async () => {
    for (const origin of ['weir.example/audit', 'weir.example/other/2026', 'unknown.example/log'])
      expect((await send(request(0, [], growingLog(origin).note(log.leaves(7)))))[0]).toBe(404)
  })

  test('409: the old size is not the last one; the answer says which is', async () => {
    const leaves = log.leaves(9)
    expect(await send(request(3, [], log.note(leaves)))).toEqual([409, SIZE, '0\n'])
    await bring(5)
    expect(await send(request(0, [], log.note(leaves)))).toEqual([409, SIZE, '5\n'])
    expect(await send(request(6, await log.proof(leaves, 6n), log.note(leaves)))).toEqual([409, SIZE, '5\n'])
  })

  test('409: of the size that it cosigned there is another root', async () => {
    await bring(5)
    expect(await send(request(5, [], log.note(log.leaves(5, 'fork', 3))))).toEqual([409, SIZE, '5\n'])
  })

  test('422: the checkpoint is not consistent with the last one, or nothing shows that it is', async () => {
    await bring(5)
    const forked = log.leaves(9, 'fork', 3)
    const honest = log.leaves(9)
    const proof = await log.proof(honest, 5n)
    expect(await send(request(5, await log.proof(forked, 5n), log.note(forked)))).toEqual([
      422,
      TEXT,
      'the checkpoint is not consistent with the last one\n',
    ])
    for (const wrong of [[], proof.slice(1), [...proof, EMPTY_ROOT], proof.toReversed()])
      expect((await send(request(5, wrong, log.note(honest))))[0]).toBe(422)
    expect((await send(request(5, proof, log.note(honest))))[0]).toBe(200)
    const first = other.leaves(3)
    expect((await send(request(0, [first[0]!], other.note(first))))[0]).toBe(422) // a proof from nothing
  })

  test('404, 405 and 413: nothing else is there, and nothing larger is read', async () => {
    expect((await send('', '/'))[0]).toBe(404)
    expect((await send('', '/add-checkpoint', 'GET'))[0]).toBe(405)
    expect((await send('x'.repeat(200_000)))[0]).toBe(413)
    const { port } = new URL(witness.url)
    const socket = connect(Number(port), '127.0.0.1')
    socket.end('nonsense\r\n\r\n')
    let answer = ''
    for await (const chunk of socket) answer += String(chunk)
    expect(answer).toContain('400')
    await bring(3) // still there
  })
})

test('two logs are witnessed apart, and many requests of one log one after another', async () => {
  await bring(5)
  expect((await send(request(0, [], other.note(other.leaves(2)))))[0]).toBe(200)
  const leaves = [6, 7, 8, 9, 10].map((size) => log.leaves(size))
  const requests = await Promise.all(leaves.map(async (one) => request(5, await log.proof(one, 5n), log.note(one))))
  const answers = await Promise.all(requests.map((body) => send(body)))
  expect(answers.map(([status]) => status).toSorted((a, b) => a - b)).toEqual([200, 409, 409, 409, 409])
})

test('what it cosigned it knows again after a start, under the same key', async () => {
  await bring(8)
  const before = witness.vkey
  await witness.stop()
  await start()
  expect(witness.vkey).toBe(before)
  expect((await send(request(0, [], log.note(log.leaves(9)))))[2]).toBe('8\n')
  expect((await stat(join(state, 'key'))).mode & 0o777).toBe(0o600)
  expect((await stat(state)).mode & 0o777).toBe(0o700)
})

test('a memory that cannot be read is no memory of a new log: nothing is cosigned', async () => {
  await bring(8)
  const file = (await readdir(state)).find((name) => name.endsWith('.json'))!
  for (const text of ['', '{}\n', (await readFile(join(state, file), 'utf8')).replace('"8"', '"x"')]) {
    await writeFile(join(state, file), text)
    expect((await send(request(0, [], log.note(log.leaves(9)))))[0]).toBe(500)
  }
})

test('it starts under another name only with another key', async () => {
  await witness.stop()
  await expect(
    startWitness({ host: '127.0.0.1', port: 0, state, name: 'witness.example/w2', logs: [] }),
  ).rejects.toMatchObject({ code: 'witness-name' })
  await start()
})

describe('a log that submits', () => {
  const submit = (size: number, from?: bigint, fork?: string): ReturnType<typeof submitTo> => {
    const leaves = log.leaves(size, fork, 3)
    const address = { url: witness.url, key, ...(from === undefined ? {} : { from }) }
    return submitTo(address, log.note(leaves), (old) => log.proof(leaves, old))
  }

  test('gets its line, whatever it guesses of the size that the witness knows', async () => {
    for (const [size, from] of [
      [5, undefined],
      [9, 5n],
      [12, 2n],
      [12, 12n],
      [13, 99n],
      [14, undefined],
    ] as const) {
      const result = await submit(size, from)
      expect(result.outcome, `${size} from ${from}`).toBe('cosigned')
      if (result.outcome !== 'cosigned') continue
      expect(addLines(log.note(log.leaves(size)), [result.line])).toContain('— witness.example/w1 ')
      expect(Math.abs(result.timestamp - Date.now() / 1000)).toBeLessThan(60)
    }
  })

  test('that was rolled back hears how far the witness is', async () => {
    await submit(20)
    expect(await submit(12)).toEqual({ outcome: 'ahead', size: 20n })
    expect(await submit(12, 11n)).toEqual({ outcome: 'ahead', size: 20n })
  })

  test('that was forked is refused, larger or of the same size', async () => {
    await submit(20)
    expect(await submit(30, undefined, 'fork')).toEqual({ outcome: 'refused', reason: 'forked' })
    expect(await submit(20, undefined, 'fork')).toEqual({ outcome: 'refused', reason: 'forked' })
    expect(await submit(20, 20n, 'fork')).toEqual({ outcome: 'refused', reason: 'forked' })
    expect((await submit(21)).outcome).toBe('cosigned')
  })

  test('is told where the witness does not know it, or not its key', async () => {
    const stranger = growingLog('unknown.example/log')
    const address = { url: `${witness.url}/`, key }
    const none = async (): Promise<Buffer[]> => []
    expect(await submitTo(address, stranger.note(stranger.leaves(1)), none)).toEqual({
      outcome: 'refused',
      reason: 'unknown-log',
    })
    const impostor = growingLog(log.signer.name, 99)
    expect(await submitTo(address, impostor.note(impostor.leaves(1)), none)).toEqual({
      outcome: 'refused',
      reason: 'signature',
    })
  })

  test('goes on without a witness that is not there, too slow, or answers nonsense', async () => {
    const note = log.note(log.leaves(3))
    const none = async (): Promise<Buffer[]> => []
    const answers: [number, Record<string, string>, string][] = [
      [500, {}, ''],
      [503, {}, 'later\n'],
      [302, { location: witness.url }, ''],
      [409, { 'content-type': 'text/plain' }, '3\n'],
      [409, { 'content-type': SIZE }, 'three\n'],
      [409, { 'content-type': SIZE }, '99999999999999999999\n'],
      [200, {}, 'x'.repeat(100_000)],
    ]
    const server = createServer((_, response) => {
      const next = answers.shift()
      if (next !== undefined) response.writeHead(next[0], next[1]).end(next[2]) // else it never answers
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/`
    try {
      while (answers.length > 0) expect(await submitTo({ url, key }, note, none)).toEqual({ outcome: 'unreachable' })
      expect(await submitTo({ url, key, timeoutMs: 100 }, note, none)).toEqual({ outcome: 'unreachable' })
      answers.push([200, {}, 'thank you\n'], [200, {}, ''], [200, {}, note.split('\n').at(-2)!.concat('\n')])
      while (answers.length > 0)
        expect(await submitTo({ url, key }, note, none)).toEqual({ outcome: 'refused', reason: 'malformed' })
      // One that names another size each time is not asked for ever.
      answers.push(
        ...[1, 2, 1, 2, 1, 2].map((size): [number, Record<string, string>, string] => [
          409,
          { 'content-type': SIZE },
          `${size}\n`,
        ]),
      )
      expect(await submitTo({ url, key }, note, none)).toEqual({ outcome: 'unreachable' })
    } finally {
      server.closeAllConnections()
      server.close()
    }
    expect(await submitTo({ url, key }, note, none)).toEqual({ outcome: 'unreachable' })
  })

  test('does not take the line of another checkpoint, or of another witness, for its own', async () => {
    const line = (await send(request(0, [], log.note(log.leaves(4)))))[2]
    const server = createServer((_, response) => response.end(line))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
    const none = async (): Promise<Buffer[]> => []
    try {
      const wrong = await submitTo({ url, key }, log.note(log.leaves(5)), none)
      expect(wrong).toEqual({ outcome: 'refused', reason: 'malformed' })
      expect((await submitTo({ url, key }, log.note(log.leaves(4)), none)).outcome).toBe('cosigned')
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })
})
