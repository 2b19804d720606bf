import { timingSafeEqual } from 'node:crypto'
import { AppError } from '../errors.ts'
import type { Source } from '../event/event.ts'
import { secretHash } from '../identity/blind-index.ts'
import { hasEntropy } from '../identity/entropy.ts'
import { normalise } from '../identity/normalise.ts'
import type { VerifySubjectToken } from '../identity/subject-token.ts'
import type { Keyring } from '../keys/keyring.ts'
import type { Evidence } from './ledger.ts'

/** Who somebody says to speak for, and what they show for it. */
export interface Speaker {
  readonly source: Source
  readonly userId?: string
  readonly anonymousId?: string
  readonly anonymousSecret?: string
  readonly subjectToken?: string
}

/** Whom the speaker may speak for. */
export interface Proven {
  readonly userId: string | undefined
  readonly anonymousId: string | undefined
  readonly proof: Evidence['proof']
  /** Keyed hash of the device secret that was shown; a browser must match the stored one, or be the first. */
  readonly secretHash: Buffer | undefined
}

const MIN_SECRET = 22 // base64url characters of 128 bits; 122 bits and more by the entropy check

/**
 * Nobody can speak for another. A server key speaks for any of the shop's users and devices; a browser key, which is
 * public, only for the device whose secret it shows and for the user that a token signed by the shop names.
 */
export async function prove(speaker: Speaker, verify: VerifySubjectToken, keyring: Keyring): Promise<Proven> {
  const tokenUser = speaker.subjectToken === undefined ? undefined : await verify(speaker.source, speaker.subjectToken)
  if (tokenUser !== undefined && speaker.userId !== undefined && speaker.userId !== tokenUser) {
    throw forbidden('the subject token is of another user than userId')
  }
  const ids = {
    userId: checked('user_id', tokenUser ?? speaker.userId),
    anonymousId: checked('anonymous_id', speaker.anonymousId),
  }
  if (ids.userId === undefined && ids.anonymousId === undefined) {
    throw new AppError('invalid', 'say whose choice it is: userId or anonymousId', { code: 'nobody-named' })
  }
  if (speaker.source.kind === 'server') return { ...ids, proof: 'server-key', secretHash: undefined }
  if (ids.userId !== undefined && tokenUser === undefined) {
    throw forbidden(
      'a browser key cannot speak for a user id: send a subject token signed by the shop, or use a server key',
    )
  }
  const hash = ids.anonymousId === undefined ? undefined : deviceHash(keyring, ids.anonymousId, speaker.anonymousSecret)
  return { ...ids, proof: tokenUser === undefined ? 'device-secret' : 'subject-token', secretHash: hash }
}

/** True where the secret shown is the stored one; a device without a stored secret takes the first that is shown. */
export function sameDevice(stored: Buffer | undefined, shown: Buffer | undefined): boolean {
  if (shown === undefined || stored === undefined) return true
  return stored.length === shown.length && timingSafeEqual(stored, shown)
}

/** A device that never showed a secret and is known to be somebody's: a first secret proves nothing about them. */
export function ownedDevice(): AppError {
  return forbidden('this device belongs to somebody who is signed in: send their subject token with its first secret')
}

export function wrongDevice(): AppError {
  return forbidden('the secret is not this device’s')
}

function deviceHash(keyring: Keyring, anonymousId: string, secret: string | undefined): Buffer {
  if (!hasEntropy(anonymousId)) {
    throw forbidden('this anonymous id can be guessed: use at least 122 random bits, such as a UUID version 4')
  }
  if (secret === undefined || secret.length < MIN_SECRET || !hasEntropy(secret)) {
    throw forbidden('a browser key speaks for a device by its secret: send anonymousSecret, at least 122 random bits')
  }
  return secretHash(keyring.tokenKey, anonymousId, secret)
}

function checked(type: 'user_id' | 'anonymous_id', value: string | undefined): string | undefined {
  if (value === undefined) return undefined
  const normalised = normalise(type, value)
  if (!normalised.ok) {
    throw new AppError('invalid', `${type === 'user_id' ? 'userId' : 'anonymousId'} is ${normalised.reason}`, {
      code: 'bad-identifier',
    })
  }
  return normalised.value
}

function forbidden(message: string): AppError {
  return new AppError('forbidden', message, { code: 'not-yours' })
}
