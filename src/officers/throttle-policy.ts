/** Failed attempts under one key, as they are kept. Times in milliseconds since 1970. */
export interface Counter {
  readonly failures: number
  readonly lastAt: number
}

/** What is known when somebody wants to sign in: of the account from this network, of the account, of the network. */
export interface Counters {
  readonly pair: Counter & { readonly trustedUntil: number }
  readonly account: Counter
  readonly prefix: Counter
}

/**
 * Free attempts, then a wait that doubles. Only the pair locks for long. A network is locked for itself. The account
 * makes each network that it does not know wait a little, from that network's own last attempt on: whoever attacks from
 * elsewhere cannot shut the officer out, for the officer's wait does not depend on theirs.
 */
const PAIR: Steps = { free: 5, longest: 900_000 }
const PREFIX: Steps = { free: 30, longest: 900_000 }
/** Codes beside the right password: whoever tries so many of them knows it, and six digits are few. */
const CODES: Steps = { free: 20, longest: 900_000 }
const ACCOUNT: Steps = { free: 10, longest: 30_000 }
const FIRST_MS = 1_000
const HALF_LIFE_MS = 3_600_000

interface Steps {
  readonly free: number
  readonly longest: number
}

/** Failures that still count: half of them after each full hour without an attempt. */
export function remaining({ failures, lastAt }: Counter, now: number): number {
  const halvings = Math.floor(Math.max(0, now - lastAt) / HALF_LIFE_MS)
  return Math.floor(failures / 2 ** halvings)
}

/** Milliseconds to wait before the next attempt; 0 where it may be now. */
export function waitFor({ pair, account, prefix }: Counters, now: number): { ms: number; because: keyof Counters } {
  const trusted = pair.trustedUntil > now
  const waits = [
    { because: 'pair' as const, ms: until(pair, delay(PAIR, remaining(pair, now)), now) },
    { because: 'prefix' as const, ms: trusted ? 0 : until(prefix, delay(PREFIX, remaining(prefix, now)), now) },
    { because: 'account' as const, ms: trusted ? 0 : until(pair, delay(ACCOUNT, remaining(account, now)), now) },
  ]
  return waits.reduce((longest, one) => (one.ms > longest.ms ? one : longest))
}

/** For codes that somebody who is signed in shows: locked like a pair. */
export function waitForFactor(counter: Counter, now: number): number {
  return until(counter, delay(PAIR, remaining(counter, now)), now)
}

/** For codes that come with the right password from networks that are not known. */
export function waitForCode(counter: Counter, now: number): number {
  return until(counter, delay(CODES, remaining(counter, now)), now)
}

function delay({ free, longest }: Steps, failures: number): number {
  return failures < free ? 0 : Math.min(longest, FIRST_MS * 2 ** (failures - free))
}

function until({ lastAt }: Counter, ms: number, now: number): number {
  return Math.min(ms, Math.max(0, lastAt + ms - now)) // a clock that went back makes nobody wait longer
}
