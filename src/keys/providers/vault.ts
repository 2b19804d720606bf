import { z } from 'zod'
import { AppError } from '../../errors.ts'
import { ProtectError } from '../../protect/protect-error.ts'
import type { KeyProvider } from '../provider.ts'
import { CALL_TIMING, type CallTiming, rootDestroyed, unavailable } from './remote-call.ts'
import { createRemoteProvider, type RemoteRoot } from './remote-provider.ts'
import { contextBytes } from './remote-wrapping.ts'
import { openVaultHttp, VaultRefused } from './vault-http.ts'
import {
  believed,
  readTransitKey,
  rotateTransitKey,
  type TransitKey,
  type TransitPlace,
  trimTransitKey,
} from './vault-key.ts'
import { readVaultUri } from './vault-uri.ts'

export interface VaultSettings {
  /** `vault:https://host:8200/v1/transit/keys/NAME`, any mount. */
  readonly uri: string
  /** WEIR_VAULT_TOKEN_FILE */
  readonly tokenFile: string | undefined
  /** WEIR_VAULT_NAMESPACE */
  readonly namespace?: string | undefined
  readonly timing?: CallTiming
}

/**
 * The root is a key of the transit engine of Vault or OpenBao; its versions are the root's. Made by an operator, with
 * type aes256-gcm96 and never exportable: of a key that can be exported, nobody can say that it is destroyed.
 * Throws AppError with one line where the settings, the token file or the key are not as they must be.
 */
export async function openVaultProvider(settings: VaultSettings): Promise<KeyProvider> {
  const { uri, tokenFile, namespace, timing = CALL_TIMING } = settings
  const { mount, name } = readVaultUri(uri)
  if (tokenFile === undefined) {
    throw new AppError('invalid', 'WEIR_VAULT_TOKEN_FILE must name the file with the Vault token for the keys', {
      code: 'config',
    })
  }
  const http = await openVaultHttp({ uri, mount, tokenFile, namespace, timing })
  const place = { uri, name, http }
  await readTransitKey(place)
  return createRemoteProvider(transitRoot(place))
}

const Encrypted = z.object({ ciphertext: z.string().max(8_192) })
const Decrypted = z.object({ plaintext: z.base64().max(2_048) })

function transitRoot(place: TransitPlace): RemoteRoot {
  const { uri, name, http } = place
  return {
    uri,
    suite: 'vault',
    destroyDelayDays: 0,
    isVersion: (version) => /^[1-9]\d{0,8}$/.test(version),
    async encrypt(key, context) {
      const body = { plaintext: base64(key), associated_data: base64(contextBytes(context)) }
      const data = await http({ method: 'POST', path: `encrypt/${name}`, body }).catch((error: unknown) => {
        throw error instanceof VaultRefused ? unavailable(uri, `refuses to encrypt (${error.message})`) : error
      })
      return splitCiphertext(uri, believed(uri, Encrypted, data).ciphertext)
    },
    async decrypt({ version, ciphertext }, context) {
      const body = {
        ciphertext: `vault:v${version}:${base64(ciphertext)}`,
        associated_data: base64(contextBytes(context)),
      }
      const data = await http({ method: 'POST', path: `decrypt/${name}`, body }).catch(async (error: unknown) => {
        throw error instanceof VaultRefused ? whyNot(uri, version, await readTransitKey(place)) : error
      })
      return Buffer.from(believed(uri, Decrypted, data).plaintext, 'base64')
    },
    rotate: () => rotateTransitKey(place),
    destroy: (version) => trimTransitKey(place, Number(version)),
  }
}

/** The text of a refusal differs between releases; the state of the key does not. */
function whyNot(uri: string, version: string, key: TransitKey): Error {
  if (Number(version) < key.min_available_version) return rootDestroyed(uri, version)
  if (Number(version) < key.min_decryption_version) {
    return unavailable(uri, `does not open version ${version}: min_decryption_version of its key forbids it`)
  }
  return new ProtectError('authentication', 'wrapped key')
}

function splitCiphertext(uri: string, text: string): { version: string; ciphertext: Buffer } {
  const [, version, encoded = ''] = /^vault:v(\d+):([A-Za-z0-9+/]+=*)$/.exec(text) ?? []
  const ciphertext = Buffer.from(encoded, 'base64')
  // It is rebuilt from its bytes when it is opened, so these must say all of it.
  if (version !== undefined && base64(ciphertext) === encoded) return { version, ciphertext }
  throw unavailable(uri, 'answers with a ciphertext that is none')
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}
