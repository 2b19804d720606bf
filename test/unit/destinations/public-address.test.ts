import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isLoopback, isPublicAddress, SPECIAL_IPV4, SPECIAL_IPV6 } from '../../../src/destinations/public-address.ts'

const seed = Number(process.env.WEIR_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
console.log(`addresses with WEIR_TEST_SEED=${seed}`)

const text4 = (n: number): string => [24, 16, 8, 0].map((shift) => (n >>> shift) & 255).join('.')
const hex = (value: bigint): string =>
  Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16)).join(':')
const number4 = (text: string): number => text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)

function number6(text: string): bigint {
  const [head = '', tail = ''] = text.split('::')
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'))
  const zeros = Array.from({ length: 8 - groups(head).length - groups(tail).length }, () => '0')
  return BigInt(`0x${[...groups(head), ...zeros, ...groups(tail)].map((one) => one.padStart(4, '0')).join('')}`)
}

const within4 = (n: number, [range]: readonly [string, string]): boolean => {
  const [base = '', prefix] = range.split('/')
  const size = 2 ** (32 - Number(prefix))
  return n >= number4(base) && n < number4(base) + size
}

test.each(SPECIAL_IPV4)('no address of %s (%s) is public, nor is it in another form', (range) => {
  const [base = '', prefix] = range.split('/')
  const size = 2 ** (32 - Number(prefix))
  fc.assert(
    fc.property(fc.integer({ min: 0, max: size - 1 }), (offset) => {
      const n = number4(base) + offset
      const plain = text4(n >>> 0)
      expect(isPublicAddress(plain)).toBe(false)
      for (const form of inSix(plain)) expect(isPublicAddress(form)).toBe(false)
    }),
    { seed, numRuns: 60, examples: [[0], [size - 1]] },
  )
})

/** An IPv4 address inside an IPv6 one, as every translation and tunnel writes it. */
function inSix(plain: string): string[] {
  const n = BigInt(number4(plain))
  const low = hex(n).split(':').slice(6).join(':')
  return [
    `::ffff:${plain}`,
    `::ffff:${low}`,
    `::${low}`,
    `::ffff:0:${low}`,
    `64:ff9b::${plain}`,
    `64:ff9b:1::${low}`,
    `2002:${low}::1`,
    hex((0x2001n << 112n) | (0xffff_ffffn ^ n)), // Teredo hides it behind an xor
    `2a00:1450::5efe:${plain}`,
    `2a00:1450::200:5efe:${plain}`,
  ]
}

test('an address outside every special range is public, and so is none that only carries it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (n) => {
      fc.pre(!SPECIAL_IPV4.some((range) => within4(n, range)))
      expect(isPublicAddress(text4(n))).toBe(true)
      for (const form of inSix(text4(n))) expect(isPublicAddress(form)).toBe(false)
    }),
    { seed, numRuns: 300 },
  )
})

test.each(SPECIAL_IPV4)('the neighbours of %s are judged by themselves', (range) => {
  const [base = '', prefix] = range.split('/')
  const ends = [number4(base) - 1, number4(base) + 2 ** (32 - Number(prefix))]
  for (const n of ends.filter((one) => one >= 0 && one < 2 ** 32)) {
    expect(isPublicAddress(text4(n))).toBe(!SPECIAL_IPV4.some((one) => within4(n, one)))
  }
})

// Of the registry and of RFC 4291: what is not within 2000::/3, with its prefix.
const OUTSIDE = [
  '::/128',
  '::1/128',
  '::/96',
  '::ffff:0:0/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '100:0:0:1::/64',
  '5f00::/16',
  'fc00::/7',
  'fd00:ec2::254/128',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
]

test.each([...OUTSIDE, ...SPECIAL_IPV6.map(([range]) => range)])('no address of %s is public', (range) => {
  const [base = '', prefix] = range.split('/')
  const size = 1n << BigInt(128 - Number(prefix))
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: size - 1n }), (offset) => {
      expect(isPublicAddress(hex(number6(base) + offset))).toBe(false)
    }),
    { seed, numRuns: 60, examples: [[0n], [size - 1n]] },
  )
})

test('hosts of the Internet are public', () => {
  for (const text of ['8.8.8.8', '223.5.5.5', '2a00:1450:4001:81b::200e', '2400:3200::1', '2606:4700:4700::1111']) {
    expect(isPublicAddress(text)).toBe(true)
  }
})

test('what is no plain address is not public', () => {
  for (const text of [
    '',
    'localhost',
    '0177.0.0.1',
    '0x7f.1',
    '2130706433',
    '127.1',
    'fe80::1%eth0',
    '2a00::1%1',
    '[::1]',
    '1.2.3.4 ',
  ]) {
    expect(isPublicAddress(text)).toBe(false)
  }
})

test('loopback is 127.0.0.0/8 and ::1, and nothing that carries them', () => {
  for (const text of ['127.0.0.1', '127.255.255.255', '::1', '0:0:0:0:0:0:0:1']) expect(isLoopback(text)).toBe(true)
  for (const text of ['::ffff:127.0.0.1', '126.255.255.255', '128.0.0.1', '0.0.0.0', '::', '::2']) {
    expect(isLoopback(text)).toBe(false)
  }
})
