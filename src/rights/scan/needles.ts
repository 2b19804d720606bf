import { createHash } from 'node:crypto'
import { uuidArray } from '../../db/binary-array.ts'
import type { Tx } from '../../db/pool.ts'
import type { SubjectId } from '../../event/ids.ts'
import { openIdentifiers } from '../../identity/identifiers.ts'
import { indexVersions } from '../../identity/index-versions.ts'
import { DEFAULT_RULES, type IdentifierType, type Rules } from '../../identity/normalise.ts'
import { indexUnder } from '../../identity/present.ts'
import type { Keyring } from '../../keys/keyring.ts'
import type { Holder } from '../../pipeline/erase-subject.ts'
import { everyPseudonym } from '../../pipeline/every-pseudonym.ts'
import type { GivenIdentifier, Needles } from '../request.ts'

export interface NeedlesDeps {
  readonly keyring: Keyring
  /** The hosted modules. */
  readonly holders: readonly Holder[]
  /** Under which identifiers are indexed; those of this release where nothing is said. */
  readonly rules?: Rules
}

export interface SearchedPeople {
  readonly subjects: readonly SubjectId[]
  /** As they were given; what is on file of the subjects is looked for besides. */
  readonly identifiers: readonly Pick<GivenIdentifier, 'type' | 'value'>[]
}

/**
 * What a search for people looks for. To be asked while their keys are there still: what is on file of them is opened
 * here. Tombstones are none: they stay, and lead nowhere. Run it inside withCurrentIndex.
 */
export async function needlesOf(tx: Tx, deps: NeedlesDeps, people: SearchedPeople): Promise<Needles> {
  const { keyring, holders, rules = DEFAULT_RULES } = deps
  const onFile = await readIdentifiers(tx, keyring, people.subjects)
  const all = [...people.identifiers, ...onFile.identifiers]
  const raw = all.flatMap(({ type, value }) => rawForms(value, normalForms(keyring, rules, type, value)))
  const index = all.flatMap(({ type, value }) => indexKeys(keyring, rules, type, value))
  const pseudonyms: string[] = []
  for (const holder of holders) pseudonyms.push(...(await everyPseudonym(tx, holder, people.subjects)))
  const ids = people.subjects.flatMap((subject) => [subject, subject.replaceAll('-', '')])
  return { raw: distinct(raw), keyed: distinct([...index, ...onFile.keys, ...ids, ...pseudonyms]) }
}

interface OnFile {
  readonly identifiers: readonly { readonly type: IdentifierType; readonly value: string }[]
  /** Of the rows as they stand, hex. */
  readonly keys: readonly string[]
}

/** Identifiers that are kept of the subjects, opened, and the keys that they are found by. */
async function readIdentifiers(tx: Tx, keyring: Keyring, subjects: readonly SubjectId[]): Promise<OnFile> {
  const { rows } = await tx.$client.query<{ key: Buffer; subject: SubjectId; type: IdentifierType; sealed: Buffer }>(
    `select index_key as key, subject_id as subject, type, sealed from weir.identifier
     where subject_id = any($1::uuid[]) order by index_key`,
    [uuidArray(subjects)],
  )
  const opened = await openIdentifiers(tx, keyring, rows)
  return {
    identifiers: rows.flatMap(({ type }, i) => (opened[i] === undefined ? [] : [{ type, value: opened[i] }])),
    keys: rows.map(({ key }) => key.toString('hex')),
  }
}

function normalForms(keyring: Keyring, rules: Rules, type: IdentifierType, value: string): string[] {
  return indexVersions(keyring, type, rules).flatMap((version) => {
    const indexed = indexUnder(version, type, value)
    return indexed === undefined ? [] : [indexed.value, indexed.kept]
  })
}

function indexKeys(keyring: Keyring, rules: Rules, type: IdentifierType, value: string): string[] {
  return [value, value.trim()].flatMap((given) =>
    indexVersions(keyring, type, rules).flatMap((version) => {
      const indexed = indexUnder(version, type, given)
      return indexed === undefined ? [] : [Buffer.from(indexed.key).toString('hex')]
    }),
  )
}

/** Below that, what encodes an identifier is too short to mean anything where it is found. */
const MIN_ENCODED_BYTES = 6
const HASHES = ['sha256', 'sha1', 'md5'] as const

/**
 * The forms in which an identifier could lie about: as given and normalised, in other spellings, in the encodings of
 * URLs, JSON and bytes, and the bare hashes by which it would be known to anybody who has it.
 */
export function rawForms(given: string, normal: readonly string[]): string[] {
  const exact = distinct([given, given.trim(), ...normal])
  const spelled = distinct([...exact, ...exact.flatMap(spellings)])
  return distinct([...spelled, ...spelled.flatMap(encodings), ...exact.flatMap(hashes)])
}

function spellings(text: string): string[] {
  const digits = /^\+?[\d\s().-]+$/.test(text) ? [text.replace(/\D/g, '')] : []
  return [text.toLowerCase(), text.normalize('NFC'), text.normalize('NFKC'), ...digits].filter((one) => one !== '')
}

function encodings(text: string): string[] {
  const bytes = Buffer.from(text, 'utf8')
  const written = [encodeURIComponent(text), JSON.stringify(text).slice(1, -1), escaped(text)]
  if (bytes.length < MIN_ENCODED_BYTES) return written
  const hex = bytes.toString('hex')
  const base64 = [bytes.toString('base64').replace(/=+$/, ''), bytes.toString('base64url')]
  return [...written, hex, hex.toUpperCase(), ...base64, ...insideBase64(bytes)]
}

/** JSON with everything beyond ASCII as \uXXXX. */
function escaped(text: string): string {
  return JSON.stringify(text)
    .slice(1, -1)
    .replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** What is sure to stand in the base64 of any text that has these bytes one or two bytes after a multiple of three. */
function insideBase64(bytes: Buffer): string[] {
  return [1, 2].flatMap((offset) => {
    const shifted = Buffer.concat([Buffer.alloc(offset), bytes])
    const [from, to] = [offset + 1, Math.floor((shifted.length * 8) / 6)]
    return [shifted.toString('base64').slice(from, to), shifted.toString('base64url').slice(from, to)]
  })
}

function hashes(text: string): string[] {
  return HASHES.flatMap((name) => {
    const digest = createHash(name).update(text, 'utf8').digest()
    const hex = digest.toString('hex')
    return [hex, hex.toUpperCase(), digest.toString('base64').replace(/=+$/, ''), digest.toString('base64url')]
  })
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)]
}
