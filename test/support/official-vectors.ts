import { existsSync, readdirSync, readFileSync } from 'node:fs'

const FOLDER = new URL('../../../shared/vectors/', import.meta.url)

/** Official vectors lie beside the repository, not in it. Says so where a folder of them is missing. */
export function missingVectors(folder: 'wycheproof' | 'jose-cookbook' | 'merkle'): boolean {
  const missing = !existsSync(new URL(`${folder}/`, FOLDER))
  if (missing) console.warn(`SKIPPED: the official vectors are not in ../shared/vectors/${folder}`)
  return missing
}

/** The paths of all JSON files in a folder and below, in order. */
export function listVectors(folder: string): string[] {
  const names = readdirSync(new URL(`${folder}/`, FOLDER), { recursive: true, encoding: 'utf8' })
  return names
    .filter((name) => name.endsWith('.json'))
    .map((name) => `${folder}/${name}`)
    .toSorted()
}

/** The JSON of one file; the caller says what is in it. */
export function readVectors<T>(path: string): T {
  return JSON.parse(readFileSync(new URL(path, FOLDER), 'utf8')) as T
}

/** The same with every integer as text, for those beyond 2^53. */
export function readWideVectors<T>(path: string): T {
  const text = readFileSync(new URL(path, FOLDER), 'utf8')
  return JSON.parse(text.replace(/^(\s*"\w+": )(\d+)(,?)$/gm, '$1"$2"$3')) as T
}

export interface WycheproofVector {
  readonly tcId: number
  readonly comment: string
  readonly result: 'valid' | 'invalid' | 'acceptable'
  readonly [field: string]: string | number | readonly string[]
}

export interface WycheproofGroup {
  readonly keySize: number
  readonly ivSize?: number
  readonly tagSize?: number
  readonly tests: readonly WycheproofVector[]
}

export interface WycheproofFile<G = WycheproofGroup> {
  /** What the file says it holds. */
  readonly numberOfTests: number
  readonly testGroups: readonly G[]
}
