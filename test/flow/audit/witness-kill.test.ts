import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseVerifierKey } from '../../../src/audit/verifier-key.ts'
import { submitTo } from '../../../src/audit/witness-client.ts'
import { startWitness } from '../../../src/cli/audit-witness.ts'
import { growingLog } from '../../support/growing-log.ts'
import { until } from '../../support/until.ts'

const ROUNDS = process.env.WEIR_TEST_LONG === '1' ? 100 : 20
const MAIN = new URL('../../../src/cli/audit-witness.ts', import.meta.url).href
const log = growingLog()

let place: string
beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'weir-witness-kill-'))
})
const launched: ChildProcess[] = []
afterAll(async () => {
  for (const child of launched) child.kill('SIGKILL')
  await rm(place, { recursive: true, force: true })
})

interface Child {
  readonly process: ChildProcess
  readonly url: string
  readonly vkey: string
}

/** A witness in a process of its own. */
async function launch(state: string): Promise<Child> {
  const code = `
    const { startWitness } = await import(${JSON.stringify(MAIN)})
    const { parseVerifierKey } = await import(${JSON.stringify(new URL('../../../src/audit/verifier-key.ts', import.meta.url).href)})
    const logs = [parseVerifierKey(${JSON.stringify(log.vkey)})]
    const { url, vkey } = await startWitness({ host: '127.0.0.1', port: 0, state: ${JSON.stringify(state)}, name: 'w.example/k', logs })
    process.stdout.write(JSON.stringify({ url, vkey }) + '\\n')`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  launched.push(child)
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return { process: child, ...(JSON.parse(line.toString()) as { url: string; vkey: string }) }
}

/** Numbers from a seed, so that a run can be had again. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

test(`killed ${ROUNDS} times while two histories of a log are pressed on it, a witness cosigns one of them`, async () => {
  const seed = Number(process.env.WEIR_TEST_SEED ?? Date.now() % 1_000_000)
  console.log(`seed ${seed}`)
  const next = random(seed)
  const state = join(place, 'state')
  const cosigned: string[][] = [] // the leaves of each checkpoint that a line was given for
  let leaves = log.leaves(1)
  let unanswered: Buffer[][] = [] // the witness may have taken one of these before it was killed
  const keys = new Set<string>()
  for (let round = 0; round < ROUNDS; round++) {
    const child = await launch(state)
    keys.add(child.vkey)
    const ended = once(child.process, 'exit')
    const address = { url: child.url, key: parseVerifierKey(child.vkey), timeoutMs: 2000 }
    const submit = async (mine: Buffer[]): Promise<void> => {
      const { outcome } = await submitTo(address, log.note(mine), (from) => log.proof(mine, from))
      if (outcome === 'unreachable') unanswered.push(mine)
      if (outcome !== 'cosigned') return
      cosigned.push(mine.map((leaf) => leaf.toString('hex')))
      if (mine.length > leaves.length) leaves = mine
    }
    const pressing = (async () => {
      for (let i = 0; child.process.exitCode === null && child.process.signalCode === null; i++) {
        const again = unanswered
        unanswered = []
        for (const mine of again) await submit(mine)
        const base = leaves
        const grown = [1, 2].map((side) => {
          const size = base.length + 1 + Math.floor(next() * 3)
          return [...base, ...log.leaves(size, `round ${round} ${i} ${side}`).slice(base.length)]
        })
        await Promise.all(grown.map(submit))
      }
    })()
    // Somewhere in the middle of the requests that follow the first few.
    const enough = cosigned.length + Math.floor(next() * 4)
    await until('the witness answers', () => cosigned.length >= enough)
    await delay(next() * 25)
    child.process.kill('SIGKILL')
    await Promise.all([ended, pressing])
  }
  expect(keys.size).toBe(1)
  expect(cosigned.length).toBeGreaterThanOrEqual(ROUNDS)
  const ascending = cosigned.toSorted((a, b) => a.length - b.length)
  for (const [i, one] of ascending.entries()) {
    const before = ascending[i - 1] ?? []
    expect(one.slice(0, before.length), `after ${before.length}`).toEqual(before)
  }
  // What the kills left half written is no memory of anything.
  const after = await launch(state)
  const key = parseVerifierKey(after.vkey)
  const rolledBack = await submitTo({ url: after.url, key }, log.note(log.leaves(1)), async () => [])
  after.process.kill('SIGKILL')
  expect(rolledBack.outcome).toBe('ahead')
}, 120_000)

test('two processes do not share a folder, and one that was killed does not keep it', async () => {
  const state = join(place, 'shared')
  const child = await launch(state)
  const again = { host: '127.0.0.1', port: 0, state, logs: [] }
  await expect(startWitness(again)).rejects.toMatchObject({ code: 'witness-in-use' })
  const ended = once(child.process, 'exit')
  child.process.kill('SIGKILL')
  await ended
  const witness = await startWitness(again)
  expect(witness.vkey).toBe(child.vkey)
  await witness.stop()
  expect((await readdir(state)).toSorted()).toEqual(['key'])
})
