import { expect, test } from 'vitest'
import { atMost } from '../../../src/pipeline/at-most.ts'

test('beyond the limit work is put off, and goes on once some of it is done, also where it failed', async () => {
  const ends: ((failure?: Error) => void)[] = []
  const work = (): Promise<string> =>
    new Promise((resolve, reject) => {
      ends.push((failure) => (failure === undefined ? resolve('done') : reject(failure)))
    })
  const limited = atMost(2, work)
  const one = limited(undefined)
  const two = limited(undefined)
  await expect(limited(undefined)).rejects.toMatchObject({ kind: 'overloaded', retryAfter: 2 })
  expect(ends).toHaveLength(2)
  ends[0]?.()
  expect(await one).toBe('done')
  const three = limited(undefined)
  ends[1]?.(new Error('it broke'))
  await expect(two).rejects.toThrow('it broke')
  const four = limited(undefined)
  for (const end of ends) end()
  expect(await Promise.all([three, four])).toEqual(['done', 'done'])
})
