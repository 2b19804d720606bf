import { createHmac, createSecretKey, hkdfSync } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { expandKey } from '../../../src/protect/expand.ts'
import { hmacSha256 } from '../../../src/protect/hmac.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex')
const fill = (byte: number, length: number): Buffer => Buffer.alloc(length, byte)

// RFC 4231 §4.2 to §4.8: key, data, HMAC-SHA-256, HMAC-SHA-512; of case 5 only the first 128 bits are given.
const hmacCases: [number, Buffer, Buffer, string, string][] = [
  [
    1,
    fill(0x0b, 20),
    Buffer.from('Hi There'),
    'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
    '87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854',
  ],
  [
    2,
    Buffer.from('Jefe'),
    Buffer.from('what do ya want for nothing?'),
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    '164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737',
  ],
  [
    3,
    fill(0xaa, 20),
    fill(0xdd, 50),
    '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe',
    'fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb',
  ],
  [
    4,
    hex('0102030405060708090a0b0c0d0e0f10111213141516171819'),
    fill(0xcd, 50),
    '82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b',
    'b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3dba91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd',
  ],
  [
    5,
    fill(0x0c, 20),
    Buffer.from('Test With Truncation'),
    'a3b6167473100ee06e0c796c2955552b',
    '415fad6271580a531d4179bc891d87a6',
  ],
  [
    6,
    fill(0xaa, 131),
    Buffer.from('Test Using Larger Than Block-Size Key - Hash Key First'),
    '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    '80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598',
  ],
  [
    7,
    fill(0xaa, 131),
    Buffer.from(
      'This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.',
    ),
    '9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2',
    'e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58',
  ],
]

test.each(hmacCases)('RFC 4231 case %i', (_case, key, data, sha256, sha512) => {
  for (const [hash, tag] of [
    ['sha256', hex(sha256)],
    ['sha512', hex(sha512)],
  ] as const) {
    const mac = createHmac(hash, createSecretKey(key)).update(data).digest()
    expect(mac.subarray(0, tag.length).toString('hex')).toBe(tag.toString('hex'))
  }
  const ours = hmacSha256(createSecretKey(key), data)
  expect(ours.subarray(0, sha256.length / 2).toString('hex')).toBe(sha256)
})

test('hmacSha256 is what createHmac makes, again and again with the same key', () => {
  const keys = fc.uint8Array({ minLength: 1, maxLength: 200 }).map((bytes) => createSecretKey(bytes))
  fc.assert(
    fc.property(keys, fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 5 }), (key, messages) => {
      for (const message of messages) {
        expect(hmacSha256(key, message)).toEqual(createHmac('sha256', key).update(message).digest())
      }
    }),
  )
})

// RFC 5869 appendix A: hash, IKM, salt, info, OKM. The RFC has none with SHA-512, which Wycheproof has.
const range = (from: number, to: number): Buffer =>
  Buffer.from(Array.from({ length: to - from + 1 }, (_, i) => from + i))
const NONE = Buffer.alloc(0)
const hkdfCases: [number, string, Buffer, Buffer, Buffer, string][] = [
  [
    1,
    'sha256',
    fill(0x0b, 22),
    range(0, 12),
    range(0xf0, 0xf9),
    '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
  ],
  [
    2,
    'sha256',
    range(0, 0x4f),
    range(0x60, 0xaf),
    range(0xb0, 0xff),
    'b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87',
  ],
  [
    3,
    'sha256',
    fill(0x0b, 22),
    NONE,
    NONE,
    '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
  ],
  [
    4,
    'sha1',
    fill(0x0b, 11),
    range(0, 12),
    range(0xf0, 0xf9),
    '085a01ea1b10f36933068b56efa5ad81a4f14b822f5b091568a9cdd4f155fda2c22e422478d305f3f896',
  ],
  [
    5,
    'sha1',
    range(0, 0x4f),
    range(0x60, 0xaf),
    range(0xb0, 0xff),
    '0bd770a74d1160f7c9f12cd5912a06ebff6adcae899d92191fe4305673ba2ffe8fa3f1a4e5ad79f3f334b3b202b2173c486ea37ce3d397ed034c7f9dfeb15c5e927336d0441f4c4300e2cff0d0900b52d3b4',
  ],
  [
    6,
    'sha1',
    fill(0x0b, 22),
    NONE,
    NONE,
    '0ac1af7002b3d761d1e55298da9d0506b9ae52057220a306e07b6b87e8df21d0ea00033de03984d34918',
  ],
  [
    7,
    'sha1',
    fill(0x0c, 22),
    NONE,
    NONE,
    '2c91117204d745f3500d636a62f64f0ab3bae548aa53d423b0d1f27ebba6f5e5673a081d70cce7acfc48',
  ],
]

test.each(hkdfCases)('RFC 5869 case %i', (_case, hash, ikm, salt, info, okm) => {
  const expected = hex(okm)
  expect(Buffer.from(hkdfSync(hash, ikm, salt, info, expected.length)).toString('hex')).toBe(okm)
})

test('expandKey is the expand step of what the RFC cases were just run with, SHA-512 and 32 bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), fc.uint8Array({ maxLength: 80 }), (ikm, info) => {
      const prk = createHmac('sha512', Buffer.alloc(64)).update(ikm).digest()
      const whole = Buffer.from(hkdfSync('sha512', ikm, NONE, info, 32))
      expect(expandKey(createSecretKey(prk), info).export().equals(whole)).toBe(true)
    }),
  )
})
