import { createSecretKey } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { eventKey, orderKey, secretHash } from '../../../src/identity/blind-index.ts'
import { type OpenWith, openBackup } from '../../../src/keys/backup-file.ts'
import { checkValue } from '../../../src/keys/key-table.ts'
import type { KeyClass, WrapContext } from '../../../src/keys/provider.ts'
import { readContent, writeContent } from '../../../src/keys/providers/keyset-content.ts'
import { unsealKeyset } from '../../../src/keys/providers/keyset-file.ts'
import {
  checkRemote,
  composeRemote,
  parseRemote,
  type RemoteSuite,
} from '../../../src/keys/providers/remote-wrapping.ts'
import backup from '../../golden/backup-v1.json' with { type: 'json' }
import keyset from '../../golden/keyset-v1.json' with { type: 'json' }
import mac from '../../golden/mac-v1.json' with { type: 'json' }
import rkek from '../../golden/rkek-v1.json' with { type: 'json' }

// Computed with WebCrypto, Node's own argon2 and plain concatenation, by nothing of src/. A change of them is a change
// of what lies in databases and on disks: keys would no longer open.
const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex')
const codeOf = (error: unknown): unknown => (error instanceof Error ? Reflect.get(error, 'code') : error)

describe('key wrapped by a key management service v1', () => {
  for (const vector of rkek.tests) {
    test(`${vector.id} ${vector.comment}: ${vector.result}`, () => {
      const suite = vector.suite as RemoteSuite
      const context = vector.context as unknown as WrapContext
      const [wrapped, key] = [bytes(vector.wrapped), bytes(vector.key)]
      if (vector.error !== undefined) {
        expect(failureOf(() => checkRemote(suite, wrapped, key, context))).toBe(vector.error)
        return
      }
      const [version, ciphertext] = [vector.version!, bytes(vector.ciphertext!)]
      expect(composeRemote(suite, { version, ciphertext }, key, context).toString('hex')).toBe(vector.wrapped)
      expect(parseRemote(suite, wrapped)).toEqual({ version, ciphertext })
      expect(failureOf(() => checkRemote(suite, wrapped, key, context))).toBe('none')
    })
  }
})

describe('keyset file v1', () => {
  for (const vector of keyset.tests) {
    test(`${vector.id} ${vector.comment}: ${vector.result}`, async () => {
      const file = Buffer.from(JSON.stringify(vector.file))
      const opened = await unsealKeyset(file, Buffer.from(vector.passphrase), 'keyset.json').catch(codeOf)
      expect(opened).toEqual(vector.error ?? bytes(vector.content!))
    })
  }
})

describe('content of a keyset v1', () => {
  for (const vector of keyset.contents) {
    test(`${vector.id} ${vector.comment}: ${vector.result}`, () => {
      const keys = readContent(bytes(vector.content))
      const shown = keys?.map(({ keyClass, kid, key }) => ({ keyClass, kid, key: key.export().toString('hex') }))
      expect(shown).toEqual(vector.keys)
      if (keys !== undefined) expect(writeContent(keys).toString('hex')).toBe(vector.content)
    })
  }
})

describe('keyed hashes v1', () => {
  const key = createSecretKey(bytes(mac.key))
  const hex = (made: Uint8Array): string => Buffer.from(made).toString('hex')
  const make: Record<string, (a: string, b: string) => string> = {
    order: (shop, orderId) => hex(orderKey(key, { kind: 'server', shop }, orderId)),
    'browser-order': (shop, orderId) => hex(orderKey(key, { kind: 'browser', shop }, orderId)),
    event: (source, messageId) => hex(eventKey(key, Number(source), messageId).key),
    secret: (anonymousId, secret) => hex(secretHash(key, anonymousId, secret)),
  }

  test('orders that browsers tell of, and check values of keys, are as published', () => {
    for (const { shop, orderId, out } of mac.browserOrderKey) expect(make['browser-order']!(shop, orderId)).toBe(out)
    for (const one of mac.keyCheck) expect(hex(checkValue(one.class as KeyClass, one.kid, key))).toBe(one.out)
  })

  for (const vector of mac.invalid) {
    test(`${vector.id} ${vector.comment}: never the other value`, () => {
      const [a = '', b = ''] = vector.parts.map(String)
      const made = make[vector.of]!(a, b)
      expect(made).toBe(vector.out)
      expect(made.startsWith(vector.not)).toBe(false)
    })
  }
})

function failureOf(work: () => unknown): unknown {
  try {
    work()
    return 'none'
  } catch (error) {
    return codeOf(error)
  }
}

describe('copy of the keys v1', () => {
  for (const vector of backup.tests) {
    test(`${vector.id} ${vector.comment}: ${vector.result}`, async () => {
      const { passphrase, privateKey } = vector.with as { passphrase?: string; privateKey?: object }
      const given = passphrase === undefined ? { privateKey } : { passphrase: Buffer.from(passphrase) }
      const opened = openBackup(Buffer.from(JSON.stringify(vector.file)), given as OpenWith, 'keys.json')
      if (vector.error !== undefined) {
        expect(await opened.catch(codeOf)).toBe(vector.error)
        return
      }
      const { keys } = await opened
      expect(keys.map((one) => ({ ...one, key: one.key.export().toString('hex') }))).toEqual(vector.keys)
    })
  }
})
