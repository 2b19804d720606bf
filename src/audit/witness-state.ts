import { createHash, randomBytes } from 'node:crypto'
import { link, mkdir, readdir, readFile, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../errors.ts'
import { createSecretFile, readSecretFile, replaceSecretFile } from '../keys/secret-file.ts'
import { parseSize } from './checkpoint.ts'
import { FormatError } from './format-error.ts'
import { canonicalJson, parseCanonical } from './jcs.ts'
import { HASH_SIZE } from './tree.ts'
import {
  COSIGNATURE,
  decodeBase64,
  ed25519FromSeed,
  formatVerifierKey,
  type Signer,
  verifierKey,
} from './verifier-key.ts'

/** The last head of a log that a witness cosigned. */
export interface WitnessedHead {
  readonly size: bigint
  readonly root: Buffer
}

/** What a witness must never forget, in a folder of its own, with its key: a folder lost is a witness lost, key and all. */
export interface WitnessState {
  readonly signer: Signer
  readonly vkey: string
  /** The last head cosigned for an origin; undefined where there was none. Rejects where what is stored cannot be read. */
  latest(origin: string): Promise<WitnessedHead | undefined>
  /** Replaces it. When this resolves it is on disk, after a crash at any moment either the old or the new is there. */
  remember(origin: string, head: WitnessedHead): Promise<void>
  /** Lets another process have the folder. */
  close(): Promise<void>
}

/**
 * Opens the folder of a witness, and makes it with a new key where it is not there. Throws AppError `witness-in-use`
 * where a witness runs over it already, `witness-name` where its key has another name than is asked for.
 */
export async function openWitnessState(
  folder: string,
  name: string | undefined,
  orElse: string,
): Promise<WitnessState> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const lock = join(folder, 'lock')
  await takeLock(lock)
  try {
    await removeHalves(folder)
    const signer = await readOrMakeKey(join(folder, 'key'), name ?? orElse)
    if (name !== undefined && name !== signer.name) {
      throw new AppError('invalid', `the witness in this folder is called ${signer.name}`, { code: 'witness-name' })
    }
    const fileOf = (origin: string): string => join(folder, `${createHash('sha256').update(origin).digest('hex')}.json`)
    return {
      signer,
      vkey: formatVerifierKey(verifierKey(signer.name, signer.key, COSIGNATURE)),
      latest: (origin) => readHead(fileOf(origin), origin),
      remember: (origin, { size, root }) => {
        const text = canonicalJson({ origin, size: `${size}`, root: root.toString('base64') })
        return replaceSecretFile(fileOf(origin), Buffer.from(`${text}\n`))
      },
      close: () => unlink(lock),
    }
  } catch (error) {
    await unlink(lock)
    throw error
  }
}

/** What a process that was killed left half written. */
async function removeHalves(folder: string): Promise<void> {
  for (const name of await readdir(folder)) if (name.endsWith('.tmp')) await unlink(join(folder, name))
}

async function readHead(file: string, origin: string): Promise<WitnessedHead | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
  const value: unknown = parseCanonical(text.slice(0, -1))
  const [of, size, root] = ['origin', 'size', 'root'].map((name) =>
    typeof value === 'object' && value !== null ? (Reflect.get(value, name) as unknown) : undefined,
  )
  const hash = typeof root === 'string' ? decodeBase64(root) : undefined
  if (of !== origin || typeof size !== 'string' || hash?.length !== HASH_SIZE) {
    throw new FormatError('what the witness remembers cannot be read') // never taken for a log that is new
  }
  return { size: parseSize(size), root: hash }
}

/** The key as Go writes those of notes: PRIVATE+KEY+name+id+base64(type ‖ seed). */
async function readOrMakeKey(file: string, name: string): Promise<Signer> {
  const seed = randomBytes(32)
  const made = verifierKey(name, ed25519FromSeed(seed), COSIGNATURE)
  const encoded = Buffer.concat([Buffer.of(COSIGNATURE), seed]).toString('base64')
  const id = made.id.toString(16).padStart(8, '0')
  await createSecretFile(file, Buffer.from(`PRIVATE+KEY+${name}+${id}+${encoded}\n`))
  const text = (await readSecretFile(file, 'key of the witness')).toString('utf8')
  const [, found, ofId, key] = /^PRIVATE\+KEY\+([^+]+)\+([0-9a-f]{8})\+(.+)\n$/.exec(text) ?? []
  const bytes = key === undefined ? undefined : decodeBase64(key)
  if (bytes?.length !== 33 || bytes[0] !== COSIGNATURE) throw new FormatError('the key of the witness cannot be read')
  const signer = { name: found!, key: ed25519FromSeed(bytes.subarray(1)) }
  const isItsOwn = verifierKey(signer.name, signer.key, COSIGNATURE).id === Number.parseInt(ofId!, 16)
  if (!isItsOwn) throw new FormatError('the key of the witness has an id of another key')
  return signer
}

/** One process a folder: two that check and remember by turns could cosign what is inconsistent. */
async function takeLock(lock: string): Promise<void> {
  const own = `${lock}.${randomBytes(6).toString('hex')}`
  await writeFile(own, String(process.pid), { flag: 'wx', mode: 0o600 })
  try {
    for (let attempt = 0; attempt < 3; attempt++) {
      try {
        return await link(own, lock) // unlike rename it never replaces
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error
        if (await isHeld(lock)) break
        await unlink(lock).catch(() => undefined) // of a process that was killed
      }
    }
    throw new AppError('conflict', 'a witness runs over this folder already', { code: 'witness-in-use' })
  } finally {
    await unlink(own)
  }
}

async function isHeld(lock: string): Promise<boolean> {
  const pid = Number(await readFile(lock, 'utf8').catch(() => '0'))
  if (pid <= 0 || pid === process.pid) return false // in a container every first process is number 1
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
