import { createHash, generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import {
  addLines,
  checkpointText,
  cosign,
  openCheckpoint,
  parseCheckpoint,
  signCheckpoint,
} from '../../../src/audit/checkpoint.ts'
import { FormatError } from '../../../src/audit/format-error.ts'
import { openNote, parseNote, SignatureError, signNote } from '../../../src/audit/note.ts'
import { EMPTY_ROOT } from '../../../src/audit/tree.ts'
import {
  COSIGNATURE,
  ED25519,
  ed25519FromSeed,
  formatVerifierKey,
  parseVerifierKey,
  verifierKey,
} from '../../../src/audit/verifier-key.ts'

// golang.org/x/mod/sumdb/note, note_test.go: keys, text and signatures of its tests (data only).
const PETER = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'
const PETER_SEED = Buffer.from('AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz', 'base64').subarray(1)
const ENOCH = 'EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop'
const TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
const PETER_LINE =
  '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n'
const ENOCH_LINE =
  '— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n'
const peter = parseVerifierKey(PETER)
const enoch = parseVerifierKey(ENOCH)

// C2SP signed-note.md, the note at its head.
const C2SP = `Ognuno sta solo sul cuor della terra
trafitto da un raggio di sole:

ed è subito sera.

— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=
`

const log = { name: 'weir.example/audit/2026', key: ed25519FromSeed(Buffer.alloc(32, 1)) }
const witness = { name: 'witness.example/w1', key: ed25519FromSeed(Buffer.alloc(32, 2)) }
const logKey = verifierKey(log.name, log.key, ED25519)
const witnessKey = verifierKey(witness.name, witness.key, COSIGNATURE)

test('the note of Go is signed byte for byte, and its keys are read and written back', () => {
  const key = ed25519FromSeed(PETER_SEED)
  expect(signNote(TEXT, [{ name: 'PeterNeumann', key }])).toBe(`${TEXT}\n${PETER_LINE}`)
  expect(formatVerifierKey(verifierKey('PeterNeumann', key, ED25519))).toBe(PETER)
  for (const text of [PETER, ENOCH, 'sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8'])
    expect(formatVerifierKey(parseVerifierKey(text))).toBe(text)
})

test('the example of C2SP is read: its text may have empty lines, and who signed is not known here', () => {
  const { text, lines } = parseNote(C2SP)
  expect(text.split('\n').length).toBe(5)
  expect(lines.map(({ name, id, signature }) => [name, id.toString(16), signature.length])).toEqual([
    ['quasimodo.example/salvatore', '367ba04b', 64],
  ])
  expect(() => openNote(C2SP, [peter])).toThrow(SignatureError)
})

test('checkpoints of Sigsum logs that litewitness is tested with are opened with their keys', () => {
  // FiloSottile/torchwood, cmd/litewitness/testdata: multi-cosigs-ed25519.txt and logbastion.txt. A Sigsum log's origin
  // ends in the SHA-256 of its public key.
  const logs = [
    [
      '52c05edad1bf5feffa81354faae59a655d9a9a1a793ed2f62c39c26c0be2aecd',
      '7BKT0gOfNZ1J0So9unY3BZtm2YkPIoNYM/dce0Z2avJDs8dxN6ts9bOSwwrVrbjm6P9K3ZxpK6jJngOG6YvGGzV/lwo=',
    ],
    [
      'ffdc2d4d98e4124d3feaf788c0c2f9abfd796083d1f0495437f302ec79cf100f',
      'UgIom7fPZTqpxWWhyjWduBvTvGVqsokMbqTArsQilegKoFBJQjUFAmQ0+YeSPM3wfUQMFSzVnnNuWRTYrajXpNUbIQY=',
    ],
  ] as const
  for (const [hex, signature] of logs) {
    const origin = `sigsum.org/v1/tree/${createHash('sha256').update(hex, 'hex').digest('hex')}`
    const id = Buffer.from(signature, 'base64').subarray(0, 4).toString('hex')
    const encoded = Buffer.from(`01${hex}`, 'hex').toString('base64')
    const note = `${origin}\n1\nKgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— ${origin} ${signature}\n`
    const { checkpoint } = openCheckpoint(note, [parseVerifierKey(`${origin}+${id}+${encoded}`)])
    expect([checkpoint.origin, checkpoint.size, checkpoint.root[0]]).toEqual([origin, 1n, 42])
  }
})

test('no mangling of a verifier key is accepted', () => {
  for (let i = 0; i <= PETER.length; i++) {
    for (let j = i + 1; j <= PETER.length; j++) {
      if (i !== 0 || j !== PETER.length) expect(() => parseVerifierKey(PETER.slice(i, j))).toThrow(FormatError)
    }
  }
  for (let i = 0; i < PETER.length; i++) {
    const next = String.fromCharCode(PETER.charCodeAt(i) + 1)
    expect(() => parseVerifierKey(PETER.slice(0, i) + next + PETER.slice(i + 1))).toThrow(FormatError)
  }
  const bad = [
    'PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==', // too long, with the id of that
    'PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW', // type 0x65, with the id of that
    PETER.replace('c74f20a3', 'C74F20A3'),
    PETER.replace('PeterNeumann', 'Peter Neumann'),
    `${PETER}\n`,
  ]
  for (const text of bad) expect(() => parseVerifierKey(text), text).toThrow(FormatError)
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  expect(() => verifierKey('name', privateKey, ED25519)).toThrow(FormatError)
  expect(() => verifierKey('a+b', log.key, ED25519)).toThrow(FormatError)
  expect(() => ed25519FromSeed(Buffer.alloc(31))).toThrow(FormatError)
})

test('a note is opened with the keys that are known, and lines of others are left alone', () => {
  const note = `${TEXT}\n${PETER_LINE}${ENOCH_LINE}`
  const one = openNote(note, [peter])
  expect([one.text, one.verified.map(({ line }) => line), one.others.map(({ name }) => name)]).toEqual([
    TEXT,
    [PETER_LINE],
    ['EnochRoot'],
  ])
  expect(openNote(note, [enoch, peter]).verified.length).toBe(2)
  expect(() => openNote(note, [])).toThrow(SignatureError)
  // Twice the same line counts once.
  expect(openNote(note + PETER_LINE, [peter]).verified.length).toBe(1)
})

test('a wrong signature under a known name and id rejects the note, one that shares only name or id is ignored', () => {
  const wrong = Buffer.from(PETER_LINE.split(' ')[2]!.trim(), 'base64')
  wrong[40]! ^= 1
  const wrongLine = `— PeterNeumann ${wrong.toString('base64')}\n`
  expect(() => openNote(`${TEXT}\n${wrongLine}${ENOCH_LINE}`, [peter, enoch])).toThrow(SignatureError)
  expect(openNote(`${TEXT}\n${wrongLine}${ENOCH_LINE}`, [enoch]).verified.length).toBe(1)
  const sameName = ENOCH_LINE.replace('EnochRoot', 'PeterNeumann')
  const sameId = PETER_LINE.replace('PeterNeumann', 'EnochRoot')
  const { verified, others } = openNote(`${TEXT}\n${PETER_LINE}${sameName}${sameId}`, [peter])
  expect([verified.length, others.length]).toEqual([1, 2])
  const short = `— PeterNeumann ${wrong.subarray(0, 60).toString('base64')}\n`
  expect(() => openNote(`${TEXT}\n${PETER_LINE}${short}`, [peter])).toThrow(SignatureError)
})

test('sixteen signatures and more are accepted, more than a hundred are not', () => {
  const other = (i: number): string => ENOCH_LINE.replace('EnochRoot', `EnochRoot${i}`)
  const many = (n: number): string => `${TEXT}\n${Array.from({ length: n }, (_, i) => other(i)).join('')}${PETER_LINE}`
  expect(openNote(many(15), [peter]).others.length).toBe(15)
  expect(openNote(many(99), [peter]).others.length).toBe(99)
  expect(() => openNote(many(100), [peter])).toThrow(FormatError)
  expect(() => parseNote(`${'x'.repeat(1_000_000)}\n\n${PETER_LINE}`)).toThrow(FormatError)
})

test.each([
  ['no signature', TEXT],
  ['no signature after the empty line', `${TEXT}\n`],
  ['the last newline cut off', `${TEXT}\n${PETER_LINE.slice(0, -1)}`],
  ['a control character', `\u0001${TEXT}\n${PETER_LINE}`],
  ['a carriage return', `${TEXT.replace('\n', '\r\n')}\n${PETER_LINE}`],
  ['a lone surrogate', `\ud800${TEXT}\n${PETER_LINE}`],
  ['a name with a space', `${TEXT}\n${PETER_LINE.replace('PeterNeumann', 'Bad Name')}`],
  ['a name with a Unicode space', `${TEXT}\n${PETER_LINE.replace('PeterNeumann', 'Bad\u3000Name')}`],
  ['a name with a plus', `${TEXT}\n${PETER_LINE.replace('PeterNeumann', 'Bad+Name')}`],
  ['another line after the signatures', `${TEXT}\n${PETER_LINE}Unexpected line.\n`],
  ['a hyphen for the dash', `${TEXT}\n${PETER_LINE.replace('—', '-')}`],
  ['base64 that is not the canonical one', `${TEXT}\n${PETER_LINE.replace('AM=', 'AN=')}`],
  ['base64 without its padding', `${TEXT}\n${PETER_LINE.replace('AM=', 'AM')}`],
  ['a key id and nothing behind it', `${TEXT}\n— PeterNeumann x08gow==\n`],
  ['nothing', ''],
])('%s is no note', (_, note) => {
  expect(() => parseNote(note)).toThrow(FormatError)
})

test('a text that is none is not signed', () => {
  for (const text of ['abc', '', 'a\u0000\n', '\ud800\n']) expect(() => signNote(text, [log])).toThrow(FormatError)
})

const ROOT = 'CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I='

test('the example of C2SP tlog-checkpoint is read and written back', () => {
  const text = `example.com/behind-the-sofa\n20852163\n${ROOT}\n`
  const checkpoint = parseCheckpoint(text)
  expect([checkpoint.origin, checkpoint.size, checkpoint.root.toString('base64')]).toEqual([
    'example.com/behind-the-sofa',
    20852163n,
    ROOT,
  ])
  expect(checkpointText(checkpoint)).toBe(text)
  const extended = `${text}one\ntwo lines\n`
  expect(parseCheckpoint(extended).extensions).toEqual(['one', 'two lines'])
  expect(checkpointText(parseCheckpoint(extended))).toBe(extended)
  expect(parseCheckpoint(`o\n0\n${EMPTY_ROOT.toString('base64')}\n`).size).toBe(0n)
})

test.each([
  ['a leading zero', `o\n01\n${ROOT}\n`],
  ['a sign', `o\n+1\n${ROOT}\n`],
  ['a size beyond 2^63', `o\n9223372036854775808\n${ROOT}\n`],
  ['no size', `o\n\n${ROOT}\n`],
  ['a fullwidth digit', `o\n１\n${ROOT}\n`],
  ['no origin', `\n1\n${ROOT}\n`],
  ['a root of 31 bytes', `o\n1\n${Buffer.alloc(31).toString('base64')}\n`],
  ['a root in the URL alphabet', `o\n1\n${ROOT.replace('/', '_')}\n`],
  ['a root with bits after its end', `o\n1\n${ROOT.replace('2I=', '2J=')}\n`],
  ['an empty extension line', `o\n1\n${ROOT}\n\nx\n`],
  ['no last newline', `o\n1\n${ROOT}`],
  ['two lines', 'o\n1\n'],
])('a checkpoint with %s is refused', (_, text) => {
  expect(() => parseCheckpoint(text)).toThrow(FormatError)
})

test('a checkpoint that cannot be written is not signed', () => {
  const good = { origin: 'o', size: 1n, root: Buffer.alloc(32) }
  const bad = [{ origin: '' }, { origin: 'a\nb' }, { size: -1n }, { root: Buffer.alloc(31) }, { extensions: [''] }]
  for (const one of bad) expect(() => signCheckpoint({ ...good, ...one }, log)).toThrow(FormatError)
})

test('a cosignature tells the time at which the witness saw the checkpoint, and both verify together', () => {
  const note = signCheckpoint({ origin: log.name, size: 7n, root: Buffer.alloc(32, 9) }, log)
  const line = cosign(note, witness, 1_679_315_147)
  const both = addLines(note, [line, line])
  expect(addLines(both, [line])).toBe(both)
  const { checkpoint, verified } = openCheckpoint(both, [logKey, witnessKey])
  expect(checkpoint.size).toBe(7n)
  expect(verified.map(({ key, timestamp }) => [key.name, timestamp])).toEqual([
    [log.name, undefined],
    [witness.name, 1_679_315_147],
  ])
  expect(Buffer.from(line.split(' ')[2]!, 'base64').subarray(4, 12).readBigUInt64BE()).toBe(1_679_315_147n)
})

test('a cosignature over another time or another checkpoint is refused, and is no signature of the log', () => {
  const note = signCheckpoint({ origin: log.name, size: 7n, root: Buffer.alloc(32, 9) }, log)
  const other = signCheckpoint({ origin: log.name, size: 8n, root: Buffer.alloc(32, 9) }, log)
  const line = cosign(note, witness, 1_000)
  expect(() => openCheckpoint(addLines(other, [line]), [logKey, witnessKey])).toThrow(SignatureError)
  const bytes = Buffer.from(line.split(' ')[2]!, 'base64')
  bytes[11]! ^= 1
  const later = `— ${witness.name} ${bytes.toString('base64')}\n`
  expect(() => openCheckpoint(addLines(note, [later]), [logKey, witnessKey])).toThrow(SignatureError)
  bytes.fill(0xff, 4, 12)
  const never = `— ${witness.name} ${bytes.toString('base64')}\n`
  expect(() => openCheckpoint(addLines(note, [never]), [logKey, witnessKey])).toThrow(SignatureError)
  expect(formatVerifierKey(witnessKey)).not.toBe(formatVerifierKey(verifierKey(witness.name, witness.key, ED25519)))
  expect(() => cosign(note, witness, 1.5)).toThrow(FormatError)
  expect(() => cosign(signNote('no checkpoint\n', [log]), witness, 1)).toThrow(FormatError)
})
