import { z } from 'zod'
import { AppError } from '../../errors.ts'
import { rootInUse, rootUnknown, unavailable } from './remote-call.ts'
import { type VaultHttp, VaultRefused } from './vault-http.ts'

// Answers grow fields with versions of Vault: what is not asked for is let through here.
const TransitKey = z.object({
  type: z.string(),
  latest_version: z.int().min(1),
  min_decryption_version: z.int(),
  min_encryption_version: z.int(),
  min_available_version: z.int().default(0),
  derived: z.boolean().default(false),
  exportable: z.boolean(),
  allow_plaintext_backup: z.boolean().default(false),
})
export type TransitKey = z.infer<typeof TransitKey>

/** A key of the transit engine: where it is asked, what it is called there, and what it is called in errors. */
export interface TransitPlace {
  readonly uri: string
  readonly name: string
  readonly http: VaultHttp
}

/** The key's state. Throws AppError `key-root-unsuitable` for one that cannot be the root. */
export async function readTransitKey({ uri, name, http }: TransitPlace): Promise<TransitKey> {
  const data = await http({ method: 'GET', path: `keys/${name}` }).catch((error: unknown) => {
    if (!(error instanceof VaultRefused)) throw error
    throw unsuitable(uri, 'has no such key: make one of type aes256-gcm96, see docs/keys-providers.md')
  })
  const key = believed(uri, TransitKey, data)
  if (key.type !== 'aes256-gcm96') throw unsuitable(uri, 'has a key of another type than aes256-gcm96')
  if (key.derived) throw unsuitable(uri, 'has a derived key: make one that is not')
  if (key.exportable || key.allow_plaintext_backup) {
    throw unsuitable(uri, 'has a key that can be exported or backed up in clear: it could never be destroyed')
  }
  return key
}

/** Makes a version. Where the answer was lost there may be one more than is known of, which harms nothing. */
export async function rotateTransitKey(place: TransitPlace): Promise<string> {
  const { uri, name } = place
  const before = await readTransitKey(place)
  await told(place, { path: `keys/${name}/rotate`, body: {}, repeatable: false })
  const { latest_version } = await readTransitKey(place)
  if (latest_version <= before.latest_version) throw unavailable(uri, 'made no new version of the root')
  return String(latest_version)
}

/**
 * Removes every version up to `version`. The floors of use come first, as trim demands; trim alone removes, and cannot
 * be undone. Where it stopped between the two, the same call ends it.
 */
export async function trimTransitKey(place: TransitPlace, version: number): Promise<{ effectiveAt: Date }> {
  const { uri, name } = place
  const first = version + 1
  const key = await readTransitKey(place)
  if (version > key.latest_version) throw rootUnknown(uri)
  if (version === key.latest_version) throw rootInUse(uri, String(version))
  if (key.min_available_version >= first) return { effectiveAt: new Date() }
  const decryption = Math.max(first, key.min_decryption_version)
  const floors = {
    min_decryption_version: decryption,
    min_encryption_version: Math.max(decryption, key.min_encryption_version),
  }
  await told(place, { path: `keys/${name}/config`, body: floors, repeatable: true })
  await told(place, { path: `keys/${name}/trim`, body: { min_available_version: first }, repeatable: true })
  const after = await readTransitKey(place)
  if (after.min_available_version < first) throw unavailable(uri, 'did not trim the versions of the root')
  return { effectiveAt: new Date() }
}

/** What an answer holds, or the error that it holds something else; without the cause, which quotes it. */
export function believed<T>(uri: string, schema: z.ZodType<T>, data: unknown): T {
  const parsed = schema.safeParse(data)
  if (!parsed.success) throw unavailable(uri, 'answers with other fields than it should')
  return parsed.data
}

async function told(
  { uri, http }: TransitPlace,
  request: { path: string; body: Readonly<Record<string, number>>; repeatable: boolean },
): Promise<void> {
  await http({ method: 'POST', ...request }).catch((error: unknown) => {
    throw error instanceof VaultRefused ? unavailable(uri, `refuses to change its key (${error.message})`) : error
  })
}

function unsuitable(uri: string, why: string): AppError {
  return new AppError('invalid', `the key provider ${uri} ${why}`, { code: 'key-root-unsuitable' })
}
