import { type AuthenticationResponseJSON, verifyAuthenticationResponse } from '@simplewebauthn/server'
import type { Db, Tx } from '../db/pool.ts'
import type { RelyingParty } from './relying-party.ts'

/** What an authenticator signed, to be kept where it has to be proved later. All base64url. */
export interface AssertionEvidence {
  readonly method: 'webauthn'
  readonly credentialId: string
  readonly authenticatorData: string
  readonly clientDataJSON: string
  readonly signature: string
}

export interface Asserted {
  readonly evidence: AssertionEvidence
  /** RFC 8176: `hwk` for a key that cannot leave its device, else `swk`; `user` for the PIN or fingerprint. */
  readonly amr: readonly string[]
}

interface Row {
  public_key: Buffer
  counter: bigint
  transports: string[]
  device_type: 'singleDevice' | 'multiDevice'
}

/**
 * Checks an assertion (WebAuthn §7.2) of one of the officer's authenticators over the challenge: type, challenge,
 * origin, RP id, user verification, signature, counter. Undefined where any does not hold. The counter is raised in the
 * same statement that looks at it, so that of two uses of one signature at once one is refused.
 */
export async function checkAssertion(
  db: Db | Tx,
  party: RelyingParty,
  input: {
    readonly officer: string
    readonly response: AuthenticationResponseJSON
    readonly challenge: Buffer
    readonly now: number
  },
): Promise<Asserted | undefined> {
  const { response } = input
  const credentialId = Buffer.from(response.id, 'base64url')
  const { rows } = await db.$client.query<Row>(
    `select public_key, counter, transports, device_type from weir.officer_authenticator
     where officer_id = $1 and credential_id = $2`,
    [input.officer, credentialId],
  )
  const [known] = rows
  if (known === undefined || response.rawId !== response.id) return undefined
  const counter = await verifiedCounter(party, input, known)
  if (counter === undefined) return undefined
  const { rowCount } = await db.$client.query(
    `update weir.officer_authenticator set counter = $2, used_at = $3
     where credential_id = $1 and (counter < $2 or counter = 0 and $2 = 0)`,
    [credentialId, counter, new Date(input.now)],
  )
  if (rowCount !== 1) return undefined
  const { authenticatorData, clientDataJSON, signature } = response.response
  return {
    evidence: { method: 'webauthn', credentialId: response.id, authenticatorData, clientDataJSON, signature },
    amr: [known.device_type === 'singleDevice' ? 'hwk' : 'swk', 'user'],
  }
}

async function verifiedCounter(
  party: RelyingParty,
  { response, challenge }: { response: AuthenticationResponseJSON; challenge: Buffer },
  known: Row,
): Promise<number | undefined> {
  try {
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response,
      expectedChallenge: challenge.toString('base64url'),
      expectedOrigin: party.origin,
      expectedRPID: party.id,
      credential: {
        id: response.id,
        publicKey: new Uint8Array(known.public_key),
        counter: Number(known.counter), // 32 bits (WebAuthn §6.1)
        transports: known.transports,
      },
      requireUserVerification: true,
    })
    return verified ? authenticationInfo.newCounter : undefined
  } catch {
    return undefined // each of the library's errors is one way not to hold; their messages quote what was sent
  }
}

/** Whether the officer has an authenticator: then a TOTP code is not enough for an approval. */
export async function hasAuthenticator(db: Db | Tx, officer: string): Promise<boolean> {
  const { rows } = await db.$client.query('select from weir.officer_authenticator where officer_id = $1 limit 1', [
    officer,
  ])
  return rows.length > 0
}
