import { createSecretKey } from 'node:crypto'
import { expect, test } from 'vitest'
import type { WrapContext } from '../../../src/keys/provider.ts'
import { readRootKid, unwrapUnderRoot, wrapUnderRoot } from '../../../src/keys/wrapping.ts'
import { ProtectError } from '../../../src/protect/protect-error.ts'
import golden from '../../golden/kek-v1.json' with { type: 'json' }

const root = createSecretKey(Buffer.from(golden.root, 'hex'))

for (const vector of golden.tests) {
  test(`key wrapped by a root v1: ${vector.id} ${vector.comment}: ${vector.result}`, () => {
    const context = vector.context as unknown as WrapContext
    const wrapped = Buffer.from(vector.wrapped, 'hex')
    if (vector.error !== undefined) {
      expect(() => unwrapUnderRoot(root, context, wrapped)).toThrow(
        new ProtectError(vector.error as 'short', 'wrapped key'),
      )
      return
    }
    expect(unwrapUnderRoot(root, context, wrapped).toString('hex')).toBe(vector.plaintext)
    expect(readRootKid(wrapped)).toBe(golden.kid)
  })
}

test('what is wrapped comes back, with a nonce of its own each time', () => {
  const plaintext = Buffer.from(golden.root, 'hex')
  const [a, b] = [1, 2].map(() => wrapUnderRoot(root, 1, { class: 'x' }, plaintext))
  expect(a!.equals(b!)).toBe(false)
  expect(unwrapUnderRoot(root, { class: 'x' }, a!).equals(plaintext)).toBe(true)
})
