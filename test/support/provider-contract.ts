import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { KeyProvider } from '../../src/keys/provider.ts'
import type { CallTiming } from '../../src/keys/providers/remote-call.ts'

/** One root, as many processes over it as a test opens. */
export interface ProviderUnderTest {
  open(timing?: CallTiming): Promise<KeyProvider>
  /** Whatever was scheduled has happened. */
  pass?(): void
  close(): Promise<void>
}

export interface RemoteRootUnderTest extends ProviderUnderTest {
  readonly remote: RemoteUnderTest
}

/** The service behind a remote provider: what it was asked, and what it shall do wrong next. */
export interface RemoteUnderTest {
  requests(): number
  throttle(times: number): void
  breakDown(times: number): void
  hang(times: number): void
  cut(times: number): void
  /** The next request that makes a version makes it, and is answered with an error. */
  loseNewVersion(): void
  /** How many were made. */
  versions(): number
  slow(ms: number): void
  /** The next request to open something is answered with this key. */
  answerKey(key: Buffer): void
  /** The next request to wrap something is answered with what this one was wrapped into. */
  answerWrapped(other: Buffer): void
  /** Tokens and keys of access. */
  secrets(): readonly string[]
  /** Requests that were not as the service's documentation wants them. */
  complaints(): readonly string[]
}

/** Long enough for a busy machine; the pauses between attempts are what makes these tests long. */
export const PATIENT: CallTiming = { attemptMs: 5_000, totalMs: 20_000, pauseMs: 4 }
const CONTEXT = { class: 'epoch', kid: '1' }
const MOST_ATTEMPTS = 4

/** What every provider promises: see KeyProvider. */
export function describeProvider(name: string, start: () => Promise<ProviderUnderTest>): void {
  describe(`the ${name} provider`, () => {
    const run = running(start)
    promises(run)
    showsNothing(run, () => [])
  })
}

/** The same, and what one promises that asks a service over the network. */
export function describeRemoteProvider(name: string, start: () => Promise<RemoteRootUnderTest>): void {
  describe(`the ${name} provider`, () => {
    const run = running(start)
    promises(run)
    remotePromises(run)
    showsNothing(run, () => run.root.remote.secrets())
  })
}

interface Running<T> {
  root: T
  provider: KeyProvider
  readonly key: Buffer
  readonly errors: unknown[]
  /** The code that it fails with; `none` where it does not. */
  readonly failure: (work: Promise<unknown>) => Promise<string>
}

function running<T extends ProviderUnderTest>(start: () => Promise<T>): Running<T> {
  const errors: unknown[] = []
  const run = {
    key: randomBytes(32),
    errors,
    failure: (work) =>
      work.then(
        () => 'none',
        (error: unknown) => {
          errors.push(error)
          return codeOf(error)
        },
      ),
  } as Running<T> // the other two are there before the first test
  beforeAll(async () => {
    run.root = await start()
    run.provider = await run.root.open(PATIENT)
  })
  afterAll(() => run.root.close())
  return run
}

function promises(run: Running<ProviderUnderTest>): void {
  const { key, failure } = run

  test('opens what it wrapped, in the same context written in any order', async () => {
    const { provider } = run
    const wrapped = await provider.wrap(key, CONTEXT)
    expect(await provider.unwrap(wrapped, { kid: '1', class: 'epoch' })).toEqual(key)
    expect(await provider.unwrap(await provider.wrap(key, {}), {})).toEqual(key)
    expect(wrapped.includes(key)).toBe(false)
    expect((await provider.wrap(key, CONTEXT)).equals(wrapped)).toBe(false)
    await expect(provider.health()).resolves.toBeUndefined()
  })

  test('opens it in no other context', async () => {
    const { provider } = run
    const wrapped = await provider.wrap(key, CONTEXT)
    const others = [
      {},
      { class: 'epoch' },
      { ...CONTEXT, kid: '2' },
      { ...CONTEXT, more: '' },
      { class: '1', kid: 'epoch' },
    ]
    for (const other of others) expect(await failure(provider.unwrap(wrapped, other))).toBe('authentication')
  })

  test('notices every changed bit, every cut and every byte added', async () => {
    const { provider } = run
    const wrapped = await provider.wrap(key, CONTEXT)
    const changed = Array.from({ length: wrapped.length * 8 }, (_, bit) => flipped(wrapped, bit))
    changed.push(...[0, 1, 5, wrapped.length - 33, wrapped.length - 1].map((length) => wrapped.subarray(0, length)))
    changed.push(Buffer.concat([wrapped, Buffer.alloc(1)]))
    for (const some of chunks(changed, 24)) {
      const codes = await Promise.all(some.map((bytes) => failure(provider.unwrap(bytes, CONTEXT))))
      // A flip in the name of the root's version may name one that is not there.
      for (const code of codes) {
        expect(code).toMatch(/^(short|version|suite|flags|authentication|commitment|key-root-destroyed)$/)
      }
    }
  })

  test('opens what an older version of the root wrapped', async () => {
    const { provider } = run
    const before = await provider.wrap(key, CONTEXT)
    const made = await provider.rotate()
    const after = await provider.wrap(key, CONTEXT)
    expect(provider.rootVersion(after)).toBe(made)
    expect(provider.rootVersion(before)).not.toBe(made)
    for (const wrapped of [before, after]) expect(await provider.unwrap(wrapped, CONTEXT)).toEqual(key)
  })

  test('in another process opens what a newer version wrapped, and wraps with that one from then on', async () => {
    const { provider, root } = run
    const other = await root.open(PATIENT)
    const made = await provider.rotate()
    const wrapped = await provider.wrap(key, CONTEXT)
    expect(await other.unwrap(wrapped, CONTEXT)).toEqual(key)
    const theirs = await other.wrap(key, CONTEXT)
    expect(other.rootVersion(theirs)).toBe(made)
    expect(await provider.unwrap(theirs, CONTEXT)).toEqual(key)
  })

  test('destroys a version for good, said twice too, and never the one that wraps', async () => {
    const { provider, root } = run
    const old = await provider.wrap(key, CONTEXT)
    const version = provider.rootVersion(old)
    await provider.rotate()
    const kept = await provider.wrap(key, CONTEXT)
    const asked = Date.now()
    const { effectiveAt } = await provider.destroy(version)
    expect(effectiveAt.getTime()).toBeGreaterThan(asked - 2_000)
    expect(await failure(provider.unwrap(old, CONTEXT))).toBe('key-root-destroyed')
    expect(await failure((await root.open(PATIENT)).unwrap(old, CONTEXT))).toBe('key-root-destroyed')
    const again = await provider.destroy(version)
    expect(Math.abs(again.effectiveAt.getTime() - effectiveAt.getTime())).toBeLessThan(60_000)
    root.pass?.()
    expect(await failure(provider.unwrap(old, CONTEXT))).toBe('key-root-destroyed')
    expect(await failure(provider.destroy(version))).toBe('none')
    expect(await provider.unwrap(kept, CONTEXT)).toEqual(key)
    expect(await failure(provider.destroy(provider.rootVersion(kept)))).toBe('key-root-in-use')
    expect(await failure(provider.destroy('no version'))).not.toBe('none')
    expect(await provider.unwrap(await provider.wrap(key, CONTEXT), CONTEXT)).toEqual(key)
  })
}

function remotePromises(run: Running<RemoteRootUnderTest>): void {
  const { key, failure } = run

  test('asks again, at most three times, where that may help', async () => {
    const { provider, root } = run
    const wrapped = await provider.wrap(key, CONTEXT)
    for (const fault of ['throttle', 'breakDown', 'cut'] as const) {
      root.remote[fault](MOST_ATTEMPTS - 1)
      expect(await provider.unwrap(wrapped, CONTEXT), fault).toEqual(key)
      const before = root.remote.requests()
      root.remote[fault](MOST_ATTEMPTS)
      expect(await failure(provider.unwrap(wrapped, CONTEXT)), fault).toBe('key-provider-unavailable')
      expect(root.remote.requests() - before, fault).toBe(MOST_ATTEMPTS)
    }
  })

  test('waits for an answer, but not for ever', async () => {
    const { provider, root } = run
    const wrapped = await provider.wrap(key, CONTEXT)
    root.remote.slow(150)
    expect(await provider.unwrap(wrapped, CONTEXT)).toEqual(key)
    const hasty = await root.open({ attemptMs: 250, totalMs: 20_000, pauseMs: 4 })
    root.remote.hang(MOST_ATTEMPTS)
    expect(await failure(hasty.unwrap(wrapped, CONTEXT))).toBe('key-provider-unavailable')
    const brief = await root.open({ attemptMs: 60_000, totalMs: 500, pauseMs: 4 })
    root.remote.hang(1)
    expect(await failure(brief.unwrap(wrapped, CONTEXT))).toBe('key-provider-unavailable')
  })

  test('does not ask again for what was understood and refused', async () => {
    const { provider, root } = run
    const wrapped = await provider.wrap(key, CONTEXT)
    const before = root.remote.requests()
    expect(await failure(provider.unwrap(wrapped, {}))).toBe('authentication')
    expect(root.remote.requests() - before).toBeLessThanOrEqual(2) // the second may ask why
  })

  test('makes no second version where the answer about the first is lost', async () => {
    const { provider, root } = run
    const before = root.remote.versions()
    root.remote.loseNewVersion()
    expect(await failure(provider.rotate())).toBe('key-provider-unavailable')
    expect(root.remote.versions() - before).toBe(1)
    expect(await provider.unwrap(await provider.wrap(key, CONTEXT), CONTEXT)).toEqual(key)
    await provider.rotate()
    expect(root.remote.versions() - before).toBe(2)
  })

  test('does not believe another key, or the key for another context', async () => {
    const { provider, root } = run
    const wrapped = await provider.wrap(key, CONTEXT)
    const answers = [randomBytes(32), Buffer.alloc(32), key.subarray(0, 31), Buffer.concat([key, key]), Buffer.alloc(0)]
    for (const answer of answers) {
      root.remote.answerKey(answer)
      expect(await failure(provider.unwrap(wrapped, CONTEXT))).toBe('commitment')
    }
    root.remote.answerKey(key) // as if it had not looked at the context
    expect(await failure(provider.unwrap(wrapped, { ...CONTEXT, kid: '2' }))).toBe('commitment')
    root.remote.answerWrapped(await provider.wrap(randomBytes(32), CONTEXT))
    expect(await failure(provider.wrap(key, CONTEXT))).toBe('key-provider-unavailable')
  })

  test('wraps nothing that could be guessed: its commitment would say so', async () => {
    const { provider } = run
    await expect(provider.wrap(Buffer.from('15 bytes, a PIN'), CONTEXT)).rejects.toThrow(RangeError)
    await expect(provider.wrap(Buffer.alloc(1025), CONTEXT)).rejects.toThrow(RangeError)
  })

  test('asks as the documentation of the service says', () => {
    expect(run.root.remote.requests()).toBeGreaterThan(100)
    expect(run.root.remote.complaints()).toEqual([])
  })
}

function showsNothing({ key, errors }: Running<ProviderUnderTest>, secretsOf: () => readonly string[]): void {
  test('shows no key and no credential in any error', () => {
    const keyTexts = (['hex', 'base64', 'base64url'] as const).map((coding) => key.toString(coding))
    expect(errors.length).toBeGreaterThan(100)
    for (const error of errors) {
      const shown = `${inspect(error, { depth: 20, showHidden: true })} ${JSON.stringify(error)}`
      for (const secret of [...keyTexts, key.join(','), ...secretsOf()]) expect(shown).not.toContain(secret)
      expect((error as Error).message).not.toContain('\n')
    }
  })
}

function codeOf(error: unknown): string {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined
  return typeof code === 'string' ? code : String(error)
}

function flipped(bytes: Buffer, bit: number): Buffer {
  const changed = Buffer.from(bytes)
  changed[bit >> 3]! ^= 1 << (bit & 7)
  return changed
}

function chunks<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size))
}
