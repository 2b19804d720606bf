import { randomUUID } from 'node:crypto'
import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
  type RegistrationResponseJSON,
  verifyRegistrationResponse,
} from '@simplewebauthn/server'
import type { Db, Tx } from '../db/pool.ts'
import { sqlState } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import { uuidBytes } from '../protect/layouts.ts'
import { CHALLENGE_MS } from './challenges.ts'
import type { RelyingParty } from './relying-party.ts'
import type { Role } from './roles.ts'
import { officerLabel } from './totp.ts'

const MOST = 10 // of an officer
const UNIQUE = '23505'
/** EdDSA, ES256, RS256: what authenticators have (RFC 9053; RFC 8812). */
const ALGORITHMS = [-8, -7, -257]

export interface ListedAuthenticator {
  readonly id: string
  /** Whether its key can leave the device: `multiDevice` keys are synchronised. */
  readonly deviceType: 'singleDevice' | 'multiDevice'
  readonly transports: readonly string[]
  readonly createdAt: string
  readonly usedAt: string | null
}

interface Known {
  credential_id: Buffer
  transports: string[]
}

/** What a browser is asked to make a credential with: user verification required, none that is known already. */
export async function registrationOptions(
  db: Db | Tx,
  party: RelyingParty,
  officer: { readonly id: string; readonly role: Role },
  challenge: Buffer,
): Promise<PublicKeyCredentialCreationOptionsJSON> {
  const label = officerLabel(officer)
  return generateRegistrationOptions({
    rpName: 'Weir',
    rpID: party.id,
    userID: new Uint8Array(uuidBytes(officer.id)),
    userName: label,
    userDisplayName: label,
    challenge: new Uint8Array(challenge),
    timeout: CHALLENGE_MS,
    attestationType: 'none',
    excludeCredentials: descriptors(await knownOf(db, officer.id)),
    supportedAlgorithmIDs: ALGORITHMS,
    authenticatorSelection: { residentKey: 'preferred', userVerification: 'required' },
  })
}

/** What a browser is asked to sign with; undefined where the officer has no authenticator. */
export async function assertionOptions(
  db: Db | Tx,
  party: RelyingParty,
  officer: string,
  challenge: Buffer,
): Promise<PublicKeyCredentialRequestOptionsJSON | undefined> {
  const known = await knownOf(db, officer)
  if (known.length === 0) return undefined
  return generateAuthenticationOptions({
    rpID: party.id,
    challenge: new Uint8Array(challenge),
    timeout: CHALLENGE_MS,
    allowCredentials: descriptors(known),
    userVerification: 'required',
  })
}

/** Takes a new authenticator in. Throws AppError `authenticator-refused`, conflict `authenticator-known`. */
export async function addAuthenticator(
  tx: Tx,
  party: RelyingParty,
  input: {
    readonly officer: string
    readonly response: RegistrationResponseJSON
    readonly challenge: Buffer
    readonly now: number
  },
): Promise<string> {
  const verified = await verifyRegistrationResponse({
    response: input.response,
    expectedChallenge: input.challenge.toString('base64url'),
    expectedOrigin: party.origin,
    expectedRPID: party.id,
    requireUserVerification: true,
    supportedAlgorithmIDs: ALGORITHMS,
  }).catch((cause: unknown) => {
    throw refused(cause)
  })
  if (!verified.verified) throw refused()
  if ((await knownOf(tx, input.officer)).length >= MOST) {
    throw new AppError('conflict', `An officer has at most ${MOST} authenticators: remove one.`, {
      code: 'too-many-authenticators',
    })
  }
  const { credential, credentialDeviceType } = verified.registrationInfo
  const id = randomUUID()
  await tx.$client
    .query(
      `insert into weir.officer_authenticator
         (authenticator_id, officer_id, credential_id, public_key, counter, transports, device_type, created_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [
        id,
        input.officer,
        Buffer.from(credential.id, 'base64url'),
        Buffer.from(credential.publicKey),
        credential.counter,
        credential.transports ?? [],
        credentialDeviceType,
        new Date(input.now),
      ],
    )
    .catch((cause: unknown) => {
      if (sqlState(cause) !== UNIQUE) throw cause
      throw new AppError('conflict', 'This authenticator is registered already.', {
        code: 'authenticator-known',
        cause,
      })
    })
  return id
}

export async function listAuthenticators(db: Db | Tx, officer: string): Promise<ListedAuthenticator[]> {
  const { rows } = await db.$client.query<
    Pick<ListedAuthenticator, 'id' | 'deviceType' | 'transports'> & { created_at: Date; used_at: Date | null }
  >(
    `select authenticator_id as id, device_type as "deviceType", transports, created_at, used_at
     from weir.officer_authenticator where officer_id = $1 order by created_at, authenticator_id`,
    [officer],
  )
  return rows.map(({ created_at, used_at, ...row }) => ({
    ...row,
    createdAt: created_at.toISOString(),
    usedAt: used_at?.toISOString() ?? null,
  }))
}

/** False where the officer has none of this id. */
export async function removeAuthenticator(tx: Tx, officer: string, id: string): Promise<boolean> {
  const { rowCount } = await tx.$client.query(
    'delete from weir.officer_authenticator where officer_id = $1 and authenticator_id = $2',
    [officer, id],
  )
  return rowCount === 1
}

async function knownOf(db: Db | Tx, officer: string): Promise<Known[]> {
  const { rows } = await db.$client.query<Known>(
    'select credential_id, transports from weir.officer_authenticator where officer_id = $1 order by created_at',
    [officer],
  )
  return rows
}

function descriptors(known: readonly Known[]): { id: string; transports: string[] }[] {
  return known.map(({ credential_id, transports }) => ({ id: credential_id.toString('base64url'), transports }))
}

/** The library's message quotes what was sent; it stays with the cause, which the log does not quote either. */
function refused(cause?: unknown): AppError {
  return new AppError('invalid', 'The authenticator’s answer does not hold: ask for a new challenge and try again.', {
    code: 'authenticator-refused',
    cause,
  })
}
