import { expect, test } from 'vitest'
import { readKmsUri } from '../../../src/keys/providers/kms-uri.ts'

test.each([
  ['a password', 'endpoint=https://user:secret@kms.example'],
  ['a user', 'endpoint=https://user@kms.example'],
  ['a query', `endpoint=${encodeURIComponent('https://kms.example/?token=secret')}`],
  ['another host without TLS', 'endpoint=http://127.0.0.1.kms.example'],
])('an endpoint with %s is refused, and not shown', (_what, query) => {
  const uri = `aws-kms:alias/weir?region=eu-central-1&${query}`
  expect(() => readKmsUri(uri, undefined)).toThrow('without a user or a password')
  expect(() => readKmsUri(uri, undefined)).not.toThrow('secret')
})

test('two regions are none', () => {
  expect(() => readKmsUri('aws-kms:alias/weir?region=eu-central-1&region=us-east-1', undefined)).toThrow(
    'with an alias',
  )
})
