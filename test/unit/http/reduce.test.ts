import fc from 'fast-check'
import { expect, test } from 'vitest'
import { addressPrefix, createCallerPrefix } from '../../../src/http/address.ts'
import { occurredAt, readTime } from '../../../src/http/protocols/time.ts'
import { cut, readUrl, reducePath, reduceUrl } from '../../../src/http/protocols/url.ts'
import { reduceUserAgent } from '../../../src/http/protocols/user-agent.ts'

test.each([
  ['203.0.113.77', '203.0.113.0/24'],
  ['::ffff:203.0.113.77', '203.0.113.0/24'],
  ['::FFFF:cb00:714d', '203.0.113.0/24'],
  ['0:0:0:0:0:ffff:203.0.113.77', '203.0.113.0/24'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1::/48'],
  ['2001:db8::1', '2001:db8:0::/48'],
  ['2001:0db8:0001::', '2001:db8:1::/48'],
  ['::1', '0:0:0::/48'],
  ['fe80::1%eth0', 'fe80:0:0::/48'],
  ['64:ff9b::203.0.113.77', '64:ff9b:0::/48'],
  ['203.0.113.77:80', undefined],
  ['01.2.3.4', undefined],
  ['marker', undefined],
  ['', undefined],
])('the address %s is cut to %s', (address, prefix) => {
  expect(addressPrefix(address)).toBe(prefix)
})

test('an IPv6 prefix holds nothing of the host', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0x1000, max: 0xffff }), { minLength: 8, maxLength: 8 }), (groups) => {
      const hex = groups.map((group) => group.toString(16))
      expect(addressPrefix(hex.join(':'))).toBe(`${hex.slice(0, 3).join(':')}::/48`)
    }),
  )
})

const asked = (remoteAddress: string, forwarded?: string) =>
  ({ socket: { remoteAddress }, headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded } }) as never

test.each([
  [false, '10.0.0.1', '198.51.100.1', '10.0.0.0/24'],
  [1, '10.0.0.1', '198.51.100.1, 203.0.113.7', '203.0.113.0/24'],
  [2, '10.0.0.1', '198.51.100.1, 203.0.113.7', '198.51.100.0/24'],
  [5, '10.0.0.1', '198.51.100.1', '198.51.100.0/24'],
  [1, '10.0.0.1', 'garbage', '10.0.0.0/24'],
  [1, '10.0.0.1', undefined, '10.0.0.0/24'],
  [['10.0.0.0/8'], '10.0.0.1', '198.51.100.1, 203.0.113.7', '203.0.113.0/24'],
  [['10.0.0.0/8', '203.0.113.7'], '::ffff:10.0.0.1', '198.51.100.1, 203.0.113.7', '198.51.100.0/24'],
  [['10.0.0.0/8'], '192.0.2.1', '198.51.100.1', '192.0.2.0/24'],
  [['loopback', 'uniquelocal'], '::1', '198.51.100.1, 172.20.0.1', '198.51.100.0/24'],
] as const)('trust %j, socket %s, forwarded %s: the caller is %s', (trust, socket, forwarded, prefix) => {
  expect(createCallerPrefix(trust)(asked(socket, forwarded))).toBe(prefix)
})

test.each([
  ['/p/lamp', '/p/lamp'],
  ['/mens-running-shoes-with-a-long-name/', '/mens-running-shoes-with-a-long-name/'],
  ['/u/ann@example.com', '/u/:redacted'],
  ['/u/ann%40example.com', '/u/:redacted'],
  ['/orders/100045/pay', '/orders/:redacted/pay'],
  ['/reset/markertoken9x8y7z', '/reset/:redacted'],
  ['/s/5f0d1cb2-3f3b-4a86-9f6a-0a4c2d9f3b11', '/s/:redacted'],
  ['/t/138-1234-5678', '/t/:redacted'],
  ['/t/+86%20138%201234%205678', '/t/:redacted'],
  ['/bad/%ff', '/bad/:redacted'],
  ['/a;jsessionid=1?x#y', '/a'],
  ['/2026/spring', '/2026/spring'],
])('the path %s is kept as %s', (path, kept) => {
  expect(reducePath(path)).toBe(kept)
})

test('of a URL no query, fragment or credentials remain', () => {
  const marked = fc
    .webUrl({ withQueryParameters: true, withFragments: true })
    .map((url) => url.replace('://', '://ann:marker@'))
  fc.assert(
    fc.property(marked, (url) => {
      const { origin = '', path = '' } = reduceUrl(url)
      expect(origin + path).not.toMatch(/marker|[?#]/)
    }),
  )
  for (const url of ['javascript:alert(1)', 'data:text/html,x', 'mailto:a@b.c', '$direct', 'not a url'])
    expect(reduceUrl(url)).toEqual({})
})

test('a URL is read as the standard reads it, short cut or not', () => {
  const piece = fc.constantFrom(
    'a',
    'shop',
    'Z',
    '0',
    '7f',
    '-',
    '_',
    '.',
    '..',
    '/',
    '//',
    '?',
    '#',
    '&',
    '=',
    '%',
    '%41',
    '+',
  )
  const odd = fc.constantFrom(
    ':',
    '@',
    ' ',
    '\t',
    '\n',
    '\\',
    'é',
    '店',
    '\ud800',
    "'",
    '"',
    '<',
    'xn--',
    ':443',
    ':80',
    '[::1]',
  )
  const scheme = fc.constantFrom('https://', 'http://', 'HTTPS://', 'https:', 'ftp://', 'javascript:', '')
  const host = fc.constantFrom(
    'shop.example',
    'm.shop.example',
    '1.2',
    'a.0x1',
    'xn--.example',
    'a.xn--zzzzzz.example',
    'Shop.example',
    'localhost',
    '',
  )
  const rest = fc.array(fc.oneof({ weight: 9, arbitrary: piece }, odd), { maxLength: 8 }).map((all) => all.join(''))
  const made = fc.tuple(scheme, host, rest).map((parts) => parts.join(''))
  const urls = fc.oneof(made, fc.webUrl({ withQueryParameters: true, withFragments: true }))
  fc.assert(
    fc.property(urls, (text) => {
      const url = URL.parse(text)
      const web = url?.protocol === 'https:' || url?.protocol === 'http:' ? url : undefined
      const read = readUrl(text)
      const tags = (query: string): string[][] => [...new URLSearchParams(query)]
      expect(read && { ...read, query: tags(read.query) }).toEqual(
        web && { origin: web.origin, path: web.pathname, query: tags(web.search) },
      )
    }),
    { numRuns: 3_000 },
  )
})

test('no URL keeps the short cut busy', () => {
  for (const again of ['a.', 'a-', '/a', '/', 'aa.bb', 'a', '?', '/-_'])
    expect(readUrl(`https://shop.example${again.repeat(2_000)}\u0000`.slice(0, 8_192))).toBeDefined()
})

test('a cut text is never half a character', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), fc.integer({ min: 1, max: 20 }), (text, length) => {
      const short = cut(text, length)
      expect(text.startsWith(short) && short.length <= length && (short.isWellFormed() || !text.isWellFormed())).toBe(
        true,
      )
    }),
  )
})

test.each([
  [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1',
    'Safari/17 (iOS)',
  ],
  [
    'Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/marker) AppleWebKit/537.36 Chrome/143.0.0.0 Mobile Safari/537.36',
    'Chrome/143 (Android)',
  ],
  [
    'Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/143.0.0.0 Safari/537.36 Edg/143.0.0.0',
    'Edge/143 (Windows)',
  ],
  ['Mozilla/5.0 (Linux; Android 14) Chrome/116 Mobile MicroMessenger/8.0.44', 'WeChat/8 (Android)'],
  ['Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0', 'Firefox/133 (Linux)'],
  ['marker ann@example.com', 'other'],
])('the user agent %s is known as %s', (sent, kept) => {
  expect(reduceUserAgent(sent)).toBe(kept)
})

const NOW = Date.parse('2026-11-20T12:00:00Z')
const ago = (ms: number) => new Date(NOW - ms).toISOString()

test.each([
  ['no time', undefined, undefined, 0],
  ['only when it happened', ago(60_000), undefined, 60_000],
  ['a clock an hour ahead', ago(-3_600_000 + 5_000), ago(-3_600_000), 5_000],
  ['a clock a year behind', ago(31_536_000_000 + 5_000), ago(31_536_000_000), 5_000],
  ['sent before it happened', ago(0), ago(5_000), 0],
  ['four minutes ahead, sent unknown', ago(-240_000), undefined, -240_000],
  ['six minutes ahead, sent unknown', ago(-360_000), undefined, 0],
  ['two years ago, sent now', ago(63_072_000_000), ago(0), 63_072_000_000],
  ['an unreadable sentAt', ago(1_000), 'soon', 1_000],
  ['milliseconds', NOW - 7_000, undefined, 7_000],
  ['seconds', (NOW - 7_000) / 1000, undefined, 0],
  ['year 9999', '9999-12-31T23:59:59Z', undefined, 0],
  ['year 1', '0001-01-01T00:00:00Z', undefined, 0],
  ['month 13', '2026-13-01T00:00:00Z', undefined, 0],
])('a message with %s', (_name, created, sent, expected) => {
  expect(NOW - occurredAt({ created, sent, received: NOW })).toBe(expected)
})

test('a time without a zone is UTC wherever the server stands', () => {
  expect(readTime('2026-11-20T12:00:00')).toBe(NOW)
  expect(readTime('2026-11-20 12:00:00')).toBe(NOW)
  expect(readTime('2026-11-20')).toBe(NOW - 43_200_000)
  expect(readTime('2026-11-20T20:00:00+08:00')).toBe(NOW)
  expect(readTime('2026-02-30T00:00:00Z')).toBeUndefined()
  expect(readTime('2026-02-29')).toBeUndefined()
  expect(readTime('2028-02-29')).toBe(Date.UTC(2028, 1, 29))
  expect(readTime('Fri Nov 20 2026')).toBeUndefined()
})
