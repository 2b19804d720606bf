import { createSecretKey, type KeyObject } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { subjectId } from '../../../src/event/ids.ts'
import type { Purpose } from '../../../src/event/purpose.ts'
import { ProtectError } from '../../../src/protect/protect-error.ts'
import { makePseudonymiser, makeRollingPseudonymiser, type TokenKind } from '../../../src/protect/pseudonymise.ts'
import { openRecord, readHeader, sealRecordWithNonce } from '../../../src/protect/seal.ts'
import {
  deriveGroupKey,
  readWrapHeader,
  unwrapSubjectKey,
  wrapSubjectKeyWithNonce,
} from '../../../src/protect/subject-key.ts'
import dek from '../../golden/dek-v1.json' with { type: 'json' }
import field from '../../golden/field-v1.json' with { type: 'json' }
import psn from '../../golden/psn-v1.json' with { type: 'json' }

// The vectors were computed with WebCrypto and plain concatenation, by nothing of src/. A change of them is a change
// of what lies in databases: old rows would no longer open, people would be counted anew.
const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex')
const keyOf = (hex: string): KeyObject => createSecretKey(bytes(hex))

describe('field ciphertext v1', () => {
  const key = keyOf(field.key)
  for (const vector of field.tests) {
    const place = { ...vector.place, record: bytes(vector.place.record) }
    test(`${vector.id} ${vector.comment}: ${vector.result}`, () => {
      if (vector.error !== undefined) {
        expect(codeOf(() => openRecord(key, place, bytes(vector.sealed)))).toBe(vector.error)
        return
      }
      const { keyVersion, contextId } = vector
      const nonce = bytes(vector.nonce)
      const sealed = sealRecordWithNonce(key, place, { keyVersion, contextId }, bytes(vector.plaintext), nonce)
      expect(sealed.toString('hex')).toBe(vector.sealed)
      expect(openRecord(key, place, sealed).toString('hex')).toBe(vector.plaintext)
      expect(readHeader(sealed)).toEqual({ keyVersion, contextId })
    })
  }
})

describe('wrapped subject key v1', () => {
  const epochKey = keyOf(dek.epochKey)
  for (const vector of dek.tests) {
    const subject = subjectId(vector.subject)
    test(`${vector.id} ${vector.comment}: ${vector.result}`, () => {
      if (vector.error !== undefined) {
        expect(codeOf(() => unwrapSubjectKey(epochKey, subject, bytes(vector.wrapped)))).toBe(vector.error)
        return
      }
      const { kid, keyVersion } = vector
      const key = keyOf(vector.subjectKey)
      const wrapped = wrapSubjectKeyWithNonce(epochKey, { kid, keyVersion }, subject, key, bytes(vector.nonce))
      expect(wrapped.toString('hex')).toBe(vector.wrapped)
      expect(unwrapSubjectKey(epochKey, subject, wrapped).equals(key)).toBe(true)
      expect(readWrapHeader(wrapped)).toEqual({ kid, keyVersion })
    })
  }

  test('group keys are the expansion of the subject key over tenant, table and group', () => {
    const key = keyOf(dek.groupKeys.subjectKey)
    const derived = dek.groupKeys.tests.map(({ table, group }) =>
      deriveGroupKey(key, table, group).export().toString('hex'),
    )
    expect(derived).toEqual(dek.groupKeys.tests.map((vector) => vector.key))
  })
})

test('pseudonyms and tokens v1 are as published', () => {
  const root = keyOf(psn.root)
  const made = psn.tests.map(({ kid, purpose, destination, kind, value }) => {
    const pseudonymiser = makePseudonymiser(root, kid, purpose as Purpose, destination)
    if (kind === 'subject') return pseudonymiser.pseudonym(subjectId(value))
    return pseudonymiser.token(kind as TokenKind, value)
  })
  expect(made).toEqual(psn.tests.map((vector) => vector.out))
  expect(new Set(made).size).toBe(made.length)
})

test('pseudonyms and tokens v2, which roll, are as published', () => {
  const root = keyOf(psn.root)
  const made = psn.rolling.tests.map(({ kid, days, at, purpose, destination, kind, value }) => {
    const pseudonymiser = makeRollingPseudonymiser(root, { kid, days }, purpose as Purpose, destination)
    const time = Date.parse(at)
    if (kind === 'subject') return pseudonymiser.pseudonym(subjectId(value), time)
    return pseudonymiser.token(kind as TokenKind, value, time)
  })
  expect(made).toEqual(psn.rolling.tests.map((vector) => vector.out))
  expect(new Set(made).size).toBe(made.length)
})

function codeOf(work: () => unknown): string {
  try {
    work()
    return 'opened'
  } catch (error) {
    return error instanceof ProtectError ? error.code : String(error)
  }
}
