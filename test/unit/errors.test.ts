import { expect, test } from 'vitest'
import { AppError, isAway } from '../../src/errors.ts'

const coded = (code: string, cause?: unknown): Error => Object.assign(new Error('x', { cause }), { code })

test('a database that cannot be asked is away, one that says no is not', () => {
  for (const code of ['08006', '57P01', '57P03', '53300', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOTFOUND']) {
    expect(isAway(coded(code)), code).toBe(true)
    expect(isAway(new Error('Failed query', { cause: coded(code) })), code).toBe(true)
  }
  for (const message of ['Query read timeout', 'Connection terminated unexpectedly']) {
    expect(isAway(new Error(message)), message).toBe(true)
  }
  for (const code of ['23505', '42501', '57014', '22P02', 'ENOENT']) expect(isAway(coded(code)), code).toBe(false)
  expect(isAway(new AppError('overloaded', 'later'))).toBe(false)
  expect(isAway('ECONNREFUSED')).toBe(false)
})
