import { AppError } from '../errors.ts'

/**
 * Work of which at most `limit` goes on at a time in this process: each holds a database connection for seconds, and
 * what answers people must not wait for them.
 * @throws AppError overloaded where so many go on already
 */
export function atMost<Ask, Answer>(limit: number, work: (ask: Ask) => Promise<Answer>): typeof work {
  let running = 0
  return async (ask) => {
    if (running >= limit) {
      throw new AppError('overloaded', `${limit} reports are being made already: ask again`, { retryAfter: 2 })
    }
    running += 1
    try {
      return await work(ask)
    } finally {
      running -= 1
    }
  }
}
