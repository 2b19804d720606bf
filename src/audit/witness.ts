import { type Checkpoint, cosign, openCheckpoint, parseCheckpoint, parseSize } from './checkpoint.ts'
import { FormatError } from './format-error.ts'
import { parseNote, SignatureError } from './note.ts'
import { EMPTY_ROOT, HASH_SIZE, verifyConsistency } from './tree.ts'
import { decodeBase64, ED25519, type VerifierKey, verifierKey } from './verifier-key.ts'
import type { WitnessState } from './witness-state.ts'

/** The answer to one add-checkpoint (C2SP tlog-witness). */
export interface WitnessAnswer {
  readonly status: 200 | 400 | 403 | 404 | 409 | 422
  /** `text/x.tlog.size` with a 409. */
  readonly type: string
  readonly body: string
}

export interface Witness {
  /** Takes the body of an add-checkpoint request. Rejects where its state cannot be read or written: nothing is cosigned. */
  addCheckpoint(body: string): Promise<WitnessAnswer>
}

export interface WitnessDeps {
  readonly state: Pick<WitnessState, 'signer' | 'latest' | 'remember'>
  /** Keys of the logs that it watches. */
  readonly logs: readonly VerifierKey[]
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export const SIZE_TYPE = 'text/x.tlog.size'
const MAX_PROOF = 63

interface Request {
  readonly old: bigint
  readonly proof: readonly Buffer[]
  readonly note: string
  readonly checkpoint: Checkpoint
}

/**
 * A witness: it cosigns a log's checkpoint where that extends the last one it cosigned, and remembers it before it does.
 * Requests of one log are taken one after another, so that what was checked still holds when it is written.
 */
export function createWitness(deps: WitnessDeps): Witness {
  const turns = new Map<string, Promise<unknown>>()

  function inTurn<T>(origin: string, work: () => Promise<T>): Promise<T> {
    const turn = (turns.get(origin) ?? Promise.resolve()).then(work, work)
    const last = turn.catch(() => undefined)
    turns.set(origin, last)
    void last.then(() => turns.get(origin) === last && turns.delete(origin)) // never rejects
    return turn
  }

  return {
    async addCheckpoint(body) {
      const request = parseRequest(body)
      if (request === undefined) return refuse(400, 'the request cannot be read')
      const { checkpoint, note, old } = request
      const keys = keysOf(deps.logs, checkpoint.origin)
      if (keys.length === 0) return refuse(404, 'the log is not known here')
      if (!isSigned(note, keys)) return refuse(403, 'no key of the log signed the checkpoint')
      if (old > checkpoint.size) return refuse(400, 'the old size is larger than the checkpoint')
      return inTurn(checkpoint.origin, () => decide(deps, request))
    },
  }
}

/** C2SP tlog-witness, add-checkpoint, from where the old size is held against the last one. */
async function decide({ state, now }: WitnessDeps, request: Request): Promise<WitnessAnswer> {
  const { old, proof, note } = request
  const { origin, size, root } = request.checkpoint
  const latest = await state.latest(origin)
  const known = latest?.size ?? 0n
  const conflict: WitnessAnswer = { status: 409, type: SIZE_TYPE, body: `${known}\n` }
  if (old !== known) return conflict
  if (old === size && latest !== undefined && !latest.root.equals(root)) return conflict
  if (!isConsistent(latest?.root ?? EMPTY_ROOT, old, { size, root }, proof)) {
    return refuse(422, 'the checkpoint is not consistent with the last one')
  }
  await state.remember(origin, { size, root }) // before anybody has the cosignature
  return { status: 200, type: 'text/plain; charset=utf-8', body: cosign(note, state.signer, Math.floor(now() / 1000)) }
}

function isConsistent(
  fromRoot: Buffer,
  from: bigint,
  { size, root }: Pick<Checkpoint, 'size' | 'root'>,
  proof: readonly Buffer[],
): boolean {
  // The empty tree begins every log, which no proof can show: it must be empty (C2SP tlog-witness, add-checkpoint).
  if (from === 0n) return proof.length === 0 && (size > 0n || root.equals(EMPTY_ROOT))
  return verifyConsistency({ from, fromRoot, size, root, proof })
}

function refuse(status: 400 | 403 | 404 | 422, body: string): WitnessAnswer {
  return { status, type: 'text/plain; charset=utf-8', body: `${body}\n` }
}

/** `old N`, at most 63 proof lines, an empty line, a checkpoint; undefined for anything else. */
function parseRequest(body: string): Request | undefined {
  const end = body.indexOf('\n\n')
  const [first, ...lines] = body.slice(0, Math.max(end, 0)).split('\n')
  if (first?.startsWith('old ') !== true || lines.length > MAX_PROOF) return undefined
  try {
    const proof = lines.map((line) => decodeBase64(line))
    if (!proof.every((hash) => hash?.length === HASH_SIZE)) return undefined
    const note = body.slice(end + 2)
    const checkpoint = parseCheckpoint(parseNote(note).text)
    return { old: parseSize(first.slice(4)), proof: proof as Buffer[], note, checkpoint }
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

function isSigned(note: string, keys: readonly VerifierKey[]): boolean {
  try {
    openCheckpoint(note, keys)
    return true
  } catch (error) {
    if (error instanceof SignatureError) return false
    throw error
  }
}

const YEAR = /\/\d{4}(-\d+)?$/

/**
 * Keys that sign for an origin: those of its name, and those of another year of the same log. A log begins a new shard
 * each year, under a new name and the same key, and nobody should have to be up on New Year's Eve.
 */
function keysOf(logs: readonly VerifierKey[], origin: string): VerifierKey[] {
  const series = (name: string): string => name.replace(YEAR, '/')
  return logs
    .filter(({ name }) => name === origin || (YEAR.test(origin) && YEAR.test(name) && series(name) === series(origin)))
    .map(({ publicKey }) => verifierKey(origin, publicKey, ED25519))
}
