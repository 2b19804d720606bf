import { createHash, generateKeyPairSync, type KeyObject, randomBytes, randomUUID, sign } from 'node:crypto'
import type { Db } from '../../../src/db/pool.ts'
import type { JsonObject } from '../../../src/event/event.ts'

/** An authenticator in software: a P-256 key, a counter, user presence and verification (WebAuthn Level 3 §6). */
export interface Authenticator {
  readonly credentialId: string
  /** As `navigator.credentials.get()` answers, over a challenge in base64url. */
  sign(challenge: string, more?: { readonly verified?: boolean; readonly origin?: string }): JsonObject
}

const PRESENT = 1
const VERIFIED = 4

/** Enters an authenticator of the officer, as a registration would. */
export async function plugIn(owner: Db, officer: string, publicUrl: string): Promise<Authenticator> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const id = randomBytes(16)
  await owner.$client.query(
    `insert into weir.officer_authenticator (authenticator_id, officer_id, credential_id, public_key, counter, device_type, created_at)
     values ($1, $2, $3, $4, 0, 'singleDevice', now())`,
    [randomUUID(), officer, id, coseKey(publicKey)],
  )
  let counter = 0
  return {
    credentialId: id.toString('base64url'),
    sign(challenge, { verified = true, origin = publicUrl } = {}) {
      counter += 1
      const client = Buffer.from(JSON.stringify({ type: 'webauthn.get', challenge, origin, crossOrigin: false }))
      const data = Buffer.alloc(37)
      createHash('sha256').update(new URL(publicUrl).hostname).digest().copy(data)
      data[32] = PRESENT | (verified ? VERIFIED : 0)
      data.writeUInt32BE(counter, 33)
      const signed = Buffer.concat([data, createHash('sha256').update(client).digest()])
      return {
        id: id.toString('base64url'),
        rawId: id.toString('base64url'),
        type: 'public-key',
        clientExtensionResults: {},
        response: {
          clientDataJSON: client.toString('base64url'),
          authenticatorData: data.toString('base64url'),
          signature: sign('sha256', signed, privateKey).toString('base64url'),
        },
      }
    },
  }
}

/** RFC 9052 §7, RFC 9053 §7.1.1: {1: EC2, 3: ES256, -1: P-256, -2: x, -3: y} in CBOR. */
function coseKey(key: KeyObject): Buffer {
  const { x, y } = key.export({ format: 'jwk' })
  const part = (text: string | undefined) => Buffer.from(text!, 'base64url')
  return Buffer.concat([Buffer.from('a5010203262001215820', 'hex'), part(x), Buffer.from('225820', 'hex'), part(y)])
}
