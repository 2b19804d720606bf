import { AppError } from '../errors.ts'

/** Runs work when a place is free. Throws AppError overloaded where so many wait already. */
export type WorkLimit = <T>(work: () => Promise<T>) => Promise<T>

/**
 * At most `atOnce` at a time, at most `waiting` behind them: an argon2 takes 19 MiB and one of libuv's four threads,
 * which files and DNS share.
 */
export function createWorkLimit({ atOnce, waiting }: { atOnce: number; waiting: number }): WorkLimit {
  const queue: (() => void)[] = []
  let running = 0

  function next(): void {
    const first = queue.shift()
    if (first === undefined) running -= 1
    else first() // takes the place over
  }
  return async (work) => {
    if (running < atOnce) running += 1
    else if (queue.length >= waiting) throw tooMany()
    else await new Promise<void>((resolve) => queue.push(resolve))
    try {
      return await work()
    } finally {
      next()
    }
  }
}

function tooMany(): AppError {
  return new AppError('overloaded', 'Too many sign in just now: try again.', {
    code: 'sign-in-busy',
    status: 503,
    retryAfter: 2,
  })
}
