import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { z } from 'zod'
import { type Answer, type Asked, type FaultyServer, startFaultyServer } from './faulty-server.ts'

export interface FakeVault extends FaultyServer {
  /** The token that is taken now; another one is answered 403. */
  token: string
  namespace: string | undefined
  /** As an operator may have made or changed the key. */
  readonly key: {
    type: string
    derived: boolean
    exportable: boolean
    allow_plaintext_backup: boolean
    latest_version: number
    min_decryption_version: number
    min_encryption_version: number
    min_available_version: number
  }
  /** Requests that were not as the API wants them. */
  readonly complaints: readonly string[]
}

const Encrypt = z.strictObject({ plaintext: z.base64(), associated_data: z.base64() })
const Decrypt = z.strictObject({ ciphertext: z.string(), associated_data: z.base64() })
const Config = z.strictObject({ min_decryption_version: z.int(), min_encryption_version: z.int() })
const Trim = z.strictObject({ min_available_version: z.int() })

/**
 * The transit engine of Vault and OpenBao as far as one key of it goes, at /v1/MOUNT/…/NAME: it really encrypts, keeps
 * versions and their floors, and answers as OpenBao's source does: 400 with `errors` for what it refuses.
 */
export async function startFakeVault(mount = 'transit', name = 'weir'): Promise<FakeVault> {
  const versions = new Map<number, Buffer>([[1, randomBytes(32)]])
  const complaints: string[] = []
  const key: FakeVault['key'] = {
    type: 'aes256-gcm96',
    derived: false,
    exportable: false,
    allow_plaintext_backup: false,
    latest_version: 1,
    min_decryption_version: 1,
    min_encryption_version: 0,
    min_available_version: 0,
  }
  const routes: Record<string, (body: unknown) => Answer> = {
    [`GET /v1/${mount}/keys/${name}`]: () => done({ name, ...key, keys: {}, deletion_allowed: false }),
    [`POST /v1/${mount}/encrypt/${name}`]: (body) => encrypt(Encrypt.parse(body)),
    [`POST /v1/${mount}/decrypt/${name}`]: (body) => decrypt(Decrypt.parse(body)),
    [`POST /v1/${mount}/keys/${name}/rotate`]: () => {
      versions.set(++key.latest_version, randomBytes(32))
      return { status: 204 } // as older Vaults answer
    },
    [`POST /v1/${mount}/keys/${name}/config`]: (body) => configure(Config.parse(body)),
    [`POST /v1/${mount}/keys/${name}/trim`]: (body) => trim(Trim.parse(body).min_available_version),
  }

  function encrypt({ plaintext, associated_data }: z.infer<typeof Encrypt>): Answer {
    const nonce = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', versions.get(key.latest_version)!, nonce)
    cipher.setAAD(Buffer.from(associated_data, 'base64'))
    const body = Buffer.concat([nonce, cipher.update(plaintext, 'base64'), cipher.final(), cipher.getAuthTag()])
    return done({
      ciphertext: `vault:v${key.latest_version}:${body.toString('base64')}`,
      key_version: key.latest_version,
    })
  }
  function decrypt({ ciphertext, associated_data }: z.infer<typeof Decrypt>): Answer {
    const [, number = '', encoded = ''] = /^vault:v(\d+):(.*)$/.exec(ciphertext) ?? []
    const version = Number(number)
    if (version > key.latest_version) return refused('invalid ciphertext: version is too new')
    if (version < key.min_decryption_version) {
      return refused('ciphertext or signature version is disallowed by policy (too old)')
    }
    const bytes = Buffer.from(encoded, 'base64')
    if (bytes.length < 28) return refused('invalid ciphertext length')
    const decipher = createDecipheriv('aes-256-gcm', versions.get(version)!, bytes.subarray(0, 12), {
      authTagLength: 16,
    })
    decipher.setAAD(Buffer.from(associated_data, 'base64'))
    decipher.setAuthTag(bytes.subarray(-16))
    const plaintext = decipher.update(bytes.subarray(12, -16))
    try {
      decipher.final()
    } catch {
      return refused('cipher: message authentication failed')
    }
    return done({ plaintext: plaintext.toString('base64') })
  }
  function configure(floors: z.infer<typeof Config>): Answer {
    if (Math.max(floors.min_decryption_version, floors.min_encryption_version) > key.latest_version) {
      return refused('cannot set min version, latest key version is lower')
    }
    if (floors.min_encryption_version < floors.min_decryption_version) return refused('min encryption version too low')
    Object.assign(key, floors)
    return done({ name, ...key })
  }
  function trim(first: number): Answer {
    if (key.min_encryption_version === 0) return refused('minimum encryption version is not set')
    if (first > Math.min(key.min_encryption_version, key.min_decryption_version)) return refused('greater than minimum')
    if (first < key.min_available_version) return refused('minimum available version cannot be decremented')
    for (let version = 1; version < first; version++) versions.delete(version)
    key.min_available_version = first
    return done({ name, ...key })
  }

  const token = `hvs.${randomBytes(24).toString('base64url')}`
  const server = await startFaultyServer('application/json', (asked) => {
    if (asked.headers['x-vault-token'] !== vault.token || asked.headers['x-vault-namespace'] !== vault.namespace) {
      return { status: 403, body: { errors: ['permission denied'] } }
    }
    const route = routes[`${asked.method} ${asked.path}`]
    if (route === undefined) return { status: 404, body: { errors: [] } }
    complaints.push(...complaintsAbout(asked))
    return route(asked.text === '' ? undefined : JSON.parse(asked.text))
  })
  const vault: FakeVault = { ...server, token, namespace: undefined, key, complaints }
  return vault
}

function complaintsAbout({ method, headers }: Asked): string[] {
  return [
    ...(headers['x-vault-request'] === 'true' ? [] : ['no X-Vault-Request: an SSRF could send it']),
    ...(method === 'GET' || headers['content-type'] === 'application/json' ? [] : ['a body without its type']),
  ]
}

const done = (data: unknown): Answer => ({ status: 200, body: { request_id: 'r', lease_id: '', data } })
const refused = (error: string): Answer => ({ status: 400, body: { errors: [error] } })
