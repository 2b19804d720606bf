import * as crypto from 'node:crypto'
import { FormatError } from './format-error.ts'
import {
  COSIGNATURE,
  decodeBase64,
  ED25519,
  isKeyName,
  type Signer,
  type VerifierKey,
  verifierKey,
} from './verifier-key.ts'

/** A signature line as it stands there: who signed is claimed, not proved. */
export interface SignatureLine {
  readonly name: string
  readonly id: number
  /** What follows the id: 64 bytes of Ed25519; for a cosignature 8 bytes of time before them. */
  readonly signature: Buffer
  /** With its newline. */
  readonly line: string
}

/** A signature that was checked. */
export interface Verified {
  readonly key: VerifierKey
  /** Of a cosignature: seconds since 1970. */
  readonly timestamp?: number
  readonly line: string
}

export interface OpenedNote {
  readonly text: string
  readonly verified: readonly Verified[]
  /** Lines of keys that we do not know, not looked at. */
  readonly others: readonly SignatureLine[]
}

/** Verifiers bound the signatures and the size, and accept at least 16 (C2SP signed-note, Format). */
const MAX_SIGNATURES = 100
const MAX_NOTE = 1_000_000

/** No known key signed it, or one signed it and the signature is wrong: the text must not be believed. */
export class SignatureError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'SignatureError'
  }
}

/** Text, which ends in a newline, and its Ed25519 signatures. A FormatError where the text cannot be that of a note. */
export function signNote(text: string, signers: readonly Signer[]): string {
  if (!isNoteText(text)) throw new FormatError('the text of a note ends in a newline and has no control characters')
  return `${text}\n${signers.map((signer) => signatureLine(text, signer)).join('')}`
}

function signatureLine(text: string, { name, key }: Signer): string {
  const verifier = verifierKey(name, key, ED25519)
  return formatLine(verifier, crypto.sign(null, Buffer.from(text), key))
}

/** `— name base64(id ‖ signature)` and a newline. */
export function formatLine({ name, id }: Pick<VerifierKey, 'name' | 'id'>, signature: Buffer): string {
  const bytes = Buffer.concat([Buffer.alloc(4), signature])
  bytes.writeUInt32BE(id, 0)
  return `— ${name} ${bytes.toString('base64')}\n`
}

/** Text and signature lines, nothing verified. A FormatError where it is no signed note. */
export function parseNote(note: string): { readonly text: string; readonly lines: readonly SignatureLine[] } {
  if (note.length > MAX_NOTE) throw new FormatError('the note is too long')
  const split = note.lastIndexOf('\n\n') // the last empty line: the text may have others
  const text = note.slice(0, split + 1)
  const rest = note.slice(split + 2)
  if (split < 0 || !isNoteText(text)) throw new FormatError('a note is text, an empty line and signatures')
  const lines = parseLines(rest)
  if (lines.length === 0) throw new FormatError('the note has no signature')
  return { text, lines }
}

/** Signature lines, each ending in a newline. A FormatError where one is none, or there are more than 100. */
export function parseLines(text: string): SignatureLine[] {
  if (text === '') return []
  if (!text.endsWith('\n')) throw new FormatError('a signature line ends in a newline')
  const lines = text.slice(0, -1).split('\n')
  if (lines.length > MAX_SIGNATURES) throw new FormatError('the note has too many signatures')
  return lines.map(parseLine)
}

function parseLine(line: string): SignatureLine {
  const [dash, name, encoded, ...more] = line.split(' ')
  const bytes = encoded === undefined ? undefined : decodeBase64(encoded)
  if (dash !== '—' || !isKeyName(name!) || bytes === undefined || bytes.length < 5 || more.length > 0) {
    throw new FormatError('a line after the text is no signature line')
  }
  return { name: name!, id: bytes.readUInt32BE(0), signature: bytes.subarray(4), line: `${line}\n` }
}

/**
 * Opens a note: at least one of the keys must have signed it, and every line with the name and id of one of them must
 * verify (C2SP signed-note, Signatures). A FormatError where it is no note, a SignatureError where it is not believed.
 */
export function openNote(note: string, keys: readonly VerifierKey[]): OpenedNote {
  const { text, lines } = parseNote(note)
  const verified: Verified[] = []
  const others: SignatureLine[] = []
  for (const line of new Map(lines.map((one) => [one.line, one])).values()) {
    const key = keys.find(({ name, id }) => name === line.name && id === line.id)
    if (key === undefined) others.push(line)
    else verified.push(verifyLine(text, line, key))
  }
  if (verified.length === 0) throw new SignatureError('no known key signed the note')
  return { text, verified, others }
}

/** One line checked against its key. A SignatureError where the signature is wrong. */
export function verifyLine(text: string, line: SignatureLine, key: VerifierKey): Verified {
  const { signature } = line
  const isCosignature = key.type === COSIGNATURE
  if (signature.length !== (isCosignature ? 72 : 64)) throw new SignatureError('a signature has the wrong length')
  const timestamp = isCosignature ? Number(signature.readBigUInt64BE(0)) : undefined
  // Beyond 2^53 seconds is the future, which a verifier may refuse (C2SP tlog-cosignature, Format).
  if (timestamp !== undefined && !Number.isSafeInteger(timestamp)) throw new SignatureError('a cosignature has no time')
  const message = timestamp === undefined ? text : cosignedMessage(text, timestamp)
  const isValid = crypto.verify(null, Buffer.from(message), key.publicKey, signature.subarray(-64))
  if (!isValid) throw new SignatureError('the signature of a known key is wrong')
  return { key, line: line.line, ...(timestamp === undefined ? {} : { timestamp }) }
}

/** What an Ed25519 cosignature signs (C2SP tlog-cosignature, Ed25519 signed message). */
export function cosignedMessage(text: string, timestamp: number): string {
  return `cosignature/v1\ntime ${timestamp}\n${text}`
}

/** UTF-8 without control characters but newline, at the end of which one stands (C2SP signed-note, Format). */
function isNoteText(text: string): boolean {
  if (!text.endsWith('\n') || !text.isWellFormed()) return false
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) < 0x20 && text[i] !== '\n') return false
  return true
}
