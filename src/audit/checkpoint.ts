import * as crypto from 'node:crypto'
import { FormatError } from './format-error.ts'
import { cosignedMessage, formatLine, type OpenedNote, openNote, parseNote, signNote } from './note.ts'
import { HASH_SIZE } from './tree.ts'
import { COSIGNATURE, decodeBase64, type Signer, type VerifierKey, verifierKey } from './verifier-key.ts'

/** The head of a log at one size (C2SP tlog-checkpoint, Note text). */
export interface Checkpoint {
  /** Which log it is; also the name of the log's key. */
  readonly origin: string
  readonly size: bigint
  readonly root: Buffer
  /** Opaque lines, not recommended: no monitor can audit them. */
  readonly extensions?: readonly string[]
}

export interface OpenedCheckpoint extends OpenedNote {
  readonly checkpoint: Checkpoint
}

/** The text that is signed. A FormatError where a part cannot stand in it. */
export function checkpointText({ origin, size, root, extensions = [] }: Checkpoint): string {
  const lines = [origin, String(size), root.toString('base64'), ...extensions]
  if (size < 0n || root.length !== HASH_SIZE) throw new FormatError('a checkpoint has a size and a root of 32 bytes')
  if (lines.some((line) => line === '' || line.includes('\n'))) throw new FormatError('no line of it is empty')
  return `${lines.join('\n')}\n`
}

/** Reads the text of a checkpoint, strictly: one way of writing each part. A FormatError says which is wrong. */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin, size, root, ...extensions] = text.split('\n').slice(0, -1)
  if (origin === undefined || size === undefined || root === undefined || !text.endsWith('\n')) {
    throw new FormatError('a checkpoint has an origin, a size and a root')
  }
  if (origin === '' || extensions.includes('')) throw new FormatError('a line of the checkpoint is empty')
  const hash = decodeBase64(root)
  if (hash?.length !== HASH_SIZE) throw new FormatError('the root of the checkpoint is not 32 bytes in base64')
  const checkpoint = { origin, size: parseSize(size), root: hash }
  return extensions.length === 0 ? checkpoint : { ...checkpoint, extensions }
}

/** An ASCII decimal below 2^63 without leading zeros. A FormatError otherwise. */
export function parseSize(text: string): bigint {
  if (!/^(0|[1-9][0-9]{0,18})$/.test(text) || BigInt(text) >> 63n !== 0n) {
    throw new FormatError('a size or an index is a decimal number without leading zeros')
  }
  return BigInt(text)
}

/** A checkpoint signed by its log: the signer's name is the origin (C2SP tlog-checkpoint, Signatures). */
export function signCheckpoint(checkpoint: Checkpoint, signer: Signer): string {
  return signNote(checkpointText(checkpoint), [signer])
}

/**
 * Opens a signed checkpoint with the log's keys and, where there are any, those of witnesses. A FormatError where it
 * is none, a SignatureError where it is not to be believed.
 */
export function openCheckpoint(note: string, keys: readonly VerifierKey[]): OpenedCheckpoint {
  const opened = openNote(note, keys)
  return { ...opened, checkpoint: parseCheckpoint(opened.text) }
}

/**
 * A witness' line for a signed checkpoint: at that time (seconds since 1970) it is the largest that the witness has
 * seen of this log, and consistent with all before (C2SP tlog-cosignature, Ed25519 signed message).
 */
export function cosign(note: string, signer: Signer, timestamp: number): string {
  if (!Number.isSafeInteger(timestamp) || timestamp < 0) throw new FormatError('a time is whole seconds since 1970')
  const { text } = parseNote(note)
  parseCheckpoint(text)
  const signature = crypto.sign(null, Buffer.from(cosignedMessage(text, timestamp)), signer.key)
  const time = Buffer.alloc(8)
  time.writeBigUInt64BE(BigInt(timestamp))
  return formatLine(verifierKey(signer.name, signer.key, COSIGNATURE), Buffer.concat([time, signature]))
}

/** A note with more signature lines behind its own; those that it has already are not repeated. */
export function addLines(note: string, lines: readonly string[]): string {
  const present = new Set(parseNote(note).lines.map(({ line }) => line))
  return note + [...new Set(lines)].filter((line) => !present.has(line)).join('')
}
