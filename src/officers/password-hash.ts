import { createHmac, type KeyObject, randomBytes } from 'node:crypto'
import argon2 from 'argon2'

/** OWASP Password Storage: m=19456 KiB, t=2, p=1 is the floor. Raised here, hashes follow at the next login. */
export const ARGON2 = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const

/** A password as argon2id PHC string, over HMAC-SHA-256(pepper, password in NFKC). */
export function hashPassword(pepper: KeyObject, password: string): Promise<string> {
  return argon2.hash(peppered(pepper, password), { type: argon2.argon2id, ...ARGON2 })
}

/** Whether the password is that of the PHC string. Without one the work is done all the same, and the answer is no. */
export async function verifyPassword(
  pepper: KeyObject,
  stored: string | undefined,
  password: string,
): Promise<boolean> {
  const matches = await argon2.verify(stored ?? (await dummy()), peppered(pepper, password))
  return matches && stored !== undefined
}

/** Whether any parameter of the PHC string is below what new hashes take. */
export function isWeaker(phc: string): boolean {
  const [, id, version, parameters] = phc.split('$')
  const of = new Map((parameters ?? '').split(',').map((one) => one.split('=') as [string, string | undefined]))
  const below = (name: string, floor: number): boolean => !(Number(of.get(name)) >= floor)
  if (id !== 'argon2id' || version !== 'v=19') return true
  return below('m', ARGON2.memoryCost) || below('t', ARGON2.timeCost) || below('p', ARGON2.parallelism)
}

// NIST SP 800-63B §3.1.1.2: normalised, so that the same keys pressed on another system give the same password.
function peppered(pepper: KeyObject, password: string): Buffer {
  return createHmac('sha256', pepper).update(password.normalize('NFKC')).digest()
}

let ofNobody: Promise<string> | undefined

/** A hash of nothing that anybody knows, for accounts that are not there. */
function dummy(): Promise<string> {
  ofNobody ??= argon2.hash(randomBytes(32), { type: argon2.argon2id, ...ARGON2 })
  return ofNobody
}
