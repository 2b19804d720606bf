import { isIPv4, isIPv6 } from 'node:net'

/** Addresses of 32 bits that are not somebody's host on the Internet (IANA IPv4 Special-Purpose Address Registry). */
export const SPECIAL_IPV4: readonly (readonly [range: string, what: string])[] = [
  ['0.0.0.0/8', 'this network'],
  ['10.0.0.0/8', 'private use'],
  ['100.64.0.0/10', 'shared address space (CGNAT); metadata of Alibaba Cloud'],
  ['127.0.0.0/8', 'loopback'],
  ['168.63.129.16/32', 'wire server of Azure: public by its number, inside by its meaning'],
  ['169.254.0.0/16', 'link-local; metadata of most clouds'],
  ['172.16.0.0/12', 'private use'],
  ['192.0.0.0/24', 'IETF protocol assignments; metadata of Oracle Cloud'],
  ['192.0.2.0/24', 'documentation'],
  ['192.31.196.0/24', 'AS112'],
  ['192.52.193.0/24', 'AMT'],
  ['192.88.99.0/24', '6to4 relay anycast'],
  ['192.168.0.0/16', 'private use'],
  ['192.175.48.0/24', 'AS112'],
  ['198.18.0.0/15', 'benchmarking'],
  ['198.51.100.0/24', 'documentation'],
  ['203.0.113.0/24', 'documentation'],
  ['224.0.0.0/4', 'multicast'],
  ['240.0.0.0/4', 'reserved; limited broadcast'],
]

/**
 * Global unicast is 2000::/3 alone (RFC 4291 §2.4): loopback, mapped and compatible IPv4, NAT64 (64:ff9b::/96 and
 * 64:ff9b:1::/48), discard, SRv6, unique local, link-local, site-local and multicast lie outside. Within it, these are
 * not hosts, or lead on to an address of 32 bits (IANA IPv6 Special-Purpose Address Registry).
 */
export const SPECIAL_IPV6: readonly (readonly [range: string, what: string])[] = [
  ['2001::/23', 'IETF protocol assignments: Teredo, benchmarking, ORCHID, drone remote id'],
  ['2001:db8::/32', 'documentation'],
  ['2002::/16', '6to4: an IPv4 address lies in it'],
  ['2620:4f:8000::/48', 'AS112'],
  ['3fff::/20', 'documentation'],
]

const GLOBAL_UNICAST = rangeOf('2000::/3')
const SPECIAL = [...SPECIAL_IPV4, ...SPECIAL_IPV6].map(([text]) => rangeOf(text))
const LOOPBACK = [rangeOf('127.0.0.0/8'), rangeOf('::1/128')]

/**
 * Whether an address, as text, is a host on the Internet: not this machine, not the network that it stands in, nothing
 * that only looks like a host. What is no address is not public; neither is one with a zone.
 */
export function isPublicAddress(text: string): boolean {
  const address = addressOf(text)
  if (address === undefined || SPECIAL.some((range) => isWithin(address, range))) return false
  return address.bits === 32 || (isWithin(address, GLOBAL_UNICAST) && !isIsatap(address.value))
}

/** Whether it is this machine itself: 127.0.0.0/8 or ::1. */
export function isLoopback(text: string): boolean {
  const address = addressOf(text)
  return address !== undefined && LOOPBACK.some((range) => isWithin(address, range))
}

interface Address {
  readonly bits: 32 | 128
  readonly value: bigint
}

interface Range extends Address {
  readonly prefix: number
}

function rangeOf(text: string): Range {
  const [base = '', prefix] = text.split('/')
  const address = addressOf(base)
  if (address === undefined) throw new TypeError('no range')
  return { ...address, prefix: Number(prefix) }
}

function isWithin({ bits, value }: Address, range: Range): boolean {
  const rest = BigInt(range.bits - range.prefix)
  return bits === range.bits && value >> rest === range.value >> rest
}

/** An ISATAP interface id (RFC 5214 §6.1) ends in an IPv4 address that routers of its site deliver to. */
function isIsatap(value: bigint): boolean {
  const marker = (value >> 32n) & 0xfcff_ffffn // without the u and g bits
  return marker === 0x5efen
}

function addressOf(text: string): Address | undefined {
  if (isIPv4(text)) return { bits: 32, value: numberOf4(text) }
  if (!isIPv6(text) || text.includes('%')) return undefined
  return { bits: 128, value: numberOf6(text) }
}

function numberOf4(text: string): bigint {
  return text.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n)
}

function numberOf6(text: string): bigint {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text)
  const plain = dotted === null ? text : `${dotted[1]}${inHex(numberOf4(dotted[2]!))}`
  const [before = '', after] = plain.split('::')
  const head = before === '' ? [] : before.split(':')
  const tail = after === undefined || after === '' ? [] : after.split(':')
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => '0')
  return [...head, ...zeros, ...tail].reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n)
}

function inHex(value: bigint): string {
  return `${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`
}
