import { randomInt } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '../../errors.ts'

/** How long a key management service is waited for, in milliseconds. */
export interface CallTiming {
  readonly attemptMs: number
  /** All attempts and the pauses between them. */
  readonly totalMs: number
  /** A pause is random from 0 to this, doubled with each attempt. */
  readonly pauseMs: number
}

export const CALL_TIMING: CallTiming = { attemptMs: 5_000, totalMs: 20_000, pauseMs: 250 }
const RETRIES = 3

export type CallFailure =
  | 'throttled' // it did not begin what was asked
  | 'broken' // 5xx: it may have begun it
  | 'no-answer' // nor was there an answer in time: it may have begun it

const WORDS: Record<CallFailure, string> = {
  throttled: 'answers that there are too many requests',
  broken: 'answers with an error of its own',
  'no-answer': 'cannot be reached or does not answer in time',
}

/** One attempt failed in a way that another may not. */
export class CallFailed extends Error {
  readonly failure: CallFailure

  /** `hint` is a name or code of the system's or the service's, never a text: it is shown. */
  constructor(failure: CallFailure, hint?: string) {
    super(hint === undefined ? WORDS[failure] : `${WORDS[failure]} (${hint})`)
    this.name = 'CallFailed'
    this.failure = failure
  }
}

/** What the system says, such as ECONNREFUSED or CERT_HAS_EXPIRED; undefined where it says nothing. */
export function systemCode(error: unknown): string | undefined {
  for (let e: unknown = error, depth = 0; e instanceof Error && depth < 4; e = e.cause, depth++) {
    const code: unknown = Reflect.get(e, 'code')
    if (typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,60}$/.test(code)) return code
  }
  return undefined
}

export interface CallOptions {
  /** Names the provider in the error. */
  readonly uri: string
  readonly timing: CallTiming
  /** False where asking twice makes two: then only what was throttled is asked again. */
  readonly repeatable: boolean
}

/**
 * Asks until there is an answer: up to three more times after CallFailed, with jitter, never beyond the total. Any
 * other error is an answer and is passed on. Throws AppError `key-provider-unavailable` in the end.
 */
export async function callRemote<T>(
  attempt: (signal: AbortSignal) => Promise<T>,
  { uri, timing, repeatable }: CallOptions,
): Promise<T> {
  const deadline = performance.now() + timing.totalMs
  for (let tries = 0; ; tries++) {
    try {
      return await boundedAttempt(attempt, Math.min(timing.attemptMs, deadline - performance.now()))
    } catch (error) {
      if (!(error instanceof CallFailed)) throw error
      const pause = randomInt(1 + Math.ceil(timing.pauseMs * 2 ** tries))
      const mayRepeat = repeatable || error.failure === 'throttled'
      if (!mayRepeat || tries === RETRIES || performance.now() + pause >= deadline) {
        throw unavailable(uri, error.message)
      }
      await delay(pause)
    }
  }
}

/** The race and not the signal alone: what looks for credentials of its own knows no signal. */
async function boundedAttempt<T>(attempt: (signal: AbortSignal) => Promise<T>, ms: number): Promise<T> {
  const enough = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => {
        reject(new CallFailed('no-answer'))
        enough.abort()
      },
      Math.max(1, Math.ceil(ms)),
    )
  })
  try {
    return await Promise.race([attempt(enough.signal), tooLate])
  } finally {
    clearTimeout(timer)
  }
}

/** It could not be asked, or did not do it: whether the key is there is not known. */
export function unavailable(uri: string, why: string, cause?: unknown): AppError {
  return new AppError('overloaded', `the key provider ${uri} ${why}`, { code: 'key-provider-unavailable', cause })
}

/** The version of the root is gone, and with it all that it wrapped. */
export function rootDestroyed(uri: string, version: string): AppError {
  return new AppError('conflict', `version ${version} of the root in ${uri} is destroyed`, {
    code: 'key-root-destroyed',
  })
}

/** The newest version wraps: without it nothing new could be. */
export function rootInUse(uri: string, version: string): AppError {
  const message = `version ${version} is the newest of the root in ${uri}: make a new one first`
  return new AppError('conflict', message, { code: 'key-root-in-use' })
}

/** No version of this root has that name. */
export function rootUnknown(uri: string): AppError {
  return new AppError('invalid', `that is no version of the root in ${uri}`, { code: 'key-root-unknown' })
}
