import { parseCheckpoint, parseSize } from './checkpoint.ts'
import { FormatError } from './format-error.ts'
import { parseLines, parseNote, SignatureError, verifyLine } from './note.ts'
import type { VerifierKey } from './verifier-key.ts'
import { SIZE_TYPE } from './witness.ts'

/** A witness as a log knows it. */
export interface WitnessAddress {
  /** Its submission prefix, to which `add-checkpoint` is appended. */
  readonly url: string
  readonly key: VerifierKey
  /** The size that it cosigned last, as far as we know; a wrong guess costs one more request. */
  readonly from?: bigint
  readonly timeoutMs?: number
}

export type Submitted =
  /** `line` belongs behind the checkpoint's signatures; `timestamp` is in seconds since 1970. */
  | { readonly outcome: 'cosigned'; readonly line: string; readonly timestamp: number }
  /** It has cosigned a larger tree of this log: the log was rolled back, or another one goes on under its name. */
  | { readonly outcome: 'ahead'; readonly size: bigint }
  /** It says no, and will go on saying no: `forked` is what it has evidence for. */
  | { readonly outcome: 'refused'; readonly reason: 'forked' | 'unknown-log' | 'signature' | 'malformed' }
  /** No answer in time, or one that makes no sense: to be tried again. */
  | { readonly outcome: 'unreachable' }

const TIMEOUT = 5_000
const MAX_ANSWER = 64 * 1024
/** Sizes that a witness may name before we stop believing it; each may have moved since the one before. */
const MAX_TRIES = 4

/**
 * Submits a signed checkpoint to a witness (C2SP tlog-witness). `proofFrom` gives the consistency proof from a size to
 * that of the checkpoint. What the witness answers is checked: only a line that verifies counts as `cosigned`.
 */
export async function submitTo(
  witness: WitnessAddress,
  note: string,
  proofFrom: (size: bigint) => Promise<readonly Buffer[]>,
): Promise<Submitted> {
  const { text } = parseNote(note)
  const { size } = parseCheckpoint(text)
  const guess = witness.from ?? 0n
  let from = guess > size ? 0n : guess
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    const answer = await post(witness, `old ${from}\n${(await proofLines(from, proofFrom)).join('')}\n${note}`)
    if (answer === undefined) return { outcome: 'unreachable' }
    if (answer.status === 200) return takeLine(text, answer.body, witness.key)
    const latest = answer.status === 409 ? readSize(answer) : undefined
    if (latest === undefined) return refusal(answer.status)
    if (latest > size) return { outcome: 'ahead', size: latest }
    if (latest === from) return { outcome: 'refused', reason: 'forked' } // of this size it has another root
    from = latest
  }
  return { outcome: 'unreachable' }
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

async function proofLines(from: bigint, proofFrom: (size: bigint) => Promise<readonly Buffer[]>): Promise<string[]> {
  const proof = from === 0n ? [] : await proofFrom(from) // none from the empty tree
  return proof.map((hash) => `${hash.toString('base64')}\n`)
}

async function post({ url, timeoutMs = TIMEOUT }: WitnessAddress, body: string): Promise<Answer | undefined> {
  try {
    const response = await fetch(new URL('add-checkpoint', url.endsWith('/') ? url : `${url}/`), {
      method: 'POST',
      body,
      headers: { 'content-type': 'text/plain; charset=utf-8' },
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    })
    const text = await readBounded(response)
    const type = response.headers.get('content-type') ?? ''
    return text === undefined ? undefined : { status: response.status, type, body: text }
  } catch {
    return undefined // refused, cut off, redirected, or too slow
  }
}

async function readBounded(response: Response): Promise<string | undefined> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    length += chunk.length
    if (length > MAX_ANSWER) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** The line of the witness' key that verifies; those of other keys are ignored (C2SP tlog-witness, add-checkpoint). */
function takeLine(text: string, body: string, key: VerifierKey): Submitted {
  try {
    const line = parseLines(body).find(({ name, id }) => name === key.name && id === key.id)
    if (line === undefined) return { outcome: 'refused', reason: 'malformed' }
    const { timestamp } = verifyLine(text, line, key)
    return timestamp === undefined
      ? { outcome: 'refused', reason: 'malformed' }
      : { outcome: 'cosigned', line: line.line, timestamp }
  } catch (error) {
    if (error instanceof FormatError || error instanceof SignatureError)
      return { outcome: 'refused', reason: 'malformed' }
    throw error
  }
}

function readSize({ type, body }: Answer): bigint | undefined {
  if (type !== SIZE_TYPE || !body.endsWith('\n')) return undefined
  try {
    return parseSize(body.slice(0, -1))
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

function refusal(status: number): Submitted {
  if (status === 422) return { outcome: 'refused', reason: 'forked' }
  if (status === 403) return { outcome: 'refused', reason: 'signature' }
  if (status === 404) return { outcome: 'refused', reason: 'unknown-log' }
  if (status === 400 || status === 413) return { outcome: 'refused', reason: 'malformed' }
  return { outcome: 'unreachable' }
}
