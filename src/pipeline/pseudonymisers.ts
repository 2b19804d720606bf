import { AppError } from '../errors.ts'
import type { Keyring } from '../keys/keyring.ts'
import type { Module } from '../modules/module.ts'
import { makePseudonymiser, makeRollingPseudonymiser, type Pseudonymiser } from '../protect/pseudonymise.ts'

/** What fixes the pseudonyms of a module's rows, beside the module itself. */
export interface Naming {
  /** Number of the pseudonym root. */
  readonly kid: number
  /** Days for which a pseudonym lasts; undefined: as long as the root. */
  readonly rollingDays: number | undefined
}

/** Throws AppError `pseudonym-root-unknown` where this process has not that root open: see withKnownRoots. */
export type Pseudonymisers = (module: Pick<Module, 'name' | 'purpose'>, naming: Naming) => Pseudonymiser

/** Pseudonymisers of every module and every root that is open; each is made once. */
export function createPseudonymisers(keyring: Pick<Keyring, 'pseudonym'>): Pseudonymisers {
  const made = new Map<string, { readonly kid: number; readonly one: Pseudonymiser }>()
  return ({ name, purpose }, { kid, rollingDays }) => {
    const root = keyring.pseudonym.readable.find((one) => one.kid === kid)
    if (root === undefined) {
      for (const [key, { kid: of }] of made) if (of === kid) made.delete(key) // destroyed: so is what came of it
      throw new AppError('overloaded', `pseudonym root ${kid} is not open here: it is newer than this process`, {
        code: UNKNOWN,
        retryAfter: 1,
      })
    }
    const key = `${name}/${purpose}/${kid}/${rollingDays ?? ''}`
    const known = made.get(key)
    if (known !== undefined) return known.one
    const one =
      rollingDays === undefined
        ? makePseudonymiser(root.key, kid, purpose, name)
        : makeRollingPseudonymiser(root.key, { kid, days: rollingDays }, purpose, name)
    made.set(key, { kid, one })
    return one
  }
}

const UNKNOWN = 'pseudonym-root-unknown'

/** Does work under the roots that a database names; once more where one of them had not been heard of. */
export async function withKnownRoots<T>(keyring: Pick<Keyring, 'refresh'>, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== UNKNOWN) throw error
    await keyring.refresh()
    return work()
  }
}
