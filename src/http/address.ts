import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'

/** Of an address that could not be read. */
export const UNKNOWN_PREFIX = 'unknown'

/**
 * Cuts an address to its network at once: /24 for IPv4 (also when mapped into IPv6), /48 for IPv6. Undefined for
 * anything that is not an address; ports and zones are no part of one.
 */
export function addressPrefix(address: string): string | undefined {
  const family = isIP(address)
  if (family === 4) return prefixOf4(address)
  if (family !== 6) return undefined
  const mapped = /^(?:0{0,4}:){2,5}ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped?.[1] !== undefined) return prefixOf4(mapped[1])
  return prefixOf6(address)
}

function prefixOf4(address: string): string {
  return `${address.slice(0, address.lastIndexOf('.'))}.0/24`
}

function prefixOf6(address: string): string {
  const groups = expand(address.split('%')[0] ?? '')
  // ::ffff:cb00:714d is 203.0.113.77 in other clothes.
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    const [high = 0, low = 0] = groups.slice(6)
    return `${high >> 8}.${high & 255}.${low >> 8}.0/24`
  }
  const kept = groups.slice(0, 3).map((group) => group.toString(16))
  return `${kept.join(':')}::/48`
}

function expand(address: string): number[] {
  const [head = '', tail] = address.split('::')
  const left = groupsOf(head)
  if (tail === undefined) return left
  const right = groupsOf(tail)
  return [...left, ...Array<number>(Math.max(0, 8 - left.length - right.length)).fill(0), ...right]
}

function groupsOf(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)]
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number)
    return [a * 256 + b, c * 256 + d]
  })
}

/**
 * The caller's network behind exactly the proxies that are ours: a number of hops, or their addresses and ranges.
 * An entry of X-Forwarded-For counts only if every hop right of it is trusted; the rest is the caller's own words.
 */
export function createCallerPrefix(trust: number | readonly string[] | false): (request: IncomingMessage) => string {
  const trusts = trustOf(trust)
  return (request) => {
    let address = request.socket.remoteAddress ?? ''
    const forwarded = trust === false ? undefined : request.headers['x-forwarded-for']
    if (forwarded !== undefined) {
      const chain = String(forwarded).split(',')
      for (let hop = 0; trusts(address, hop) && chain.length > 0; hop++) {
        const next = (chain.pop() ?? '').trim()
        if (isIP(next) === 0) break // what a trusted proxy did not write as an address is nobody's address
        address = next
      }
    }
    return addressPrefix(address) ?? UNKNOWN_PREFIX
  }
}

function trustOf(trust: number | readonly string[] | false): (address: string, hop: number) => boolean {
  if (trust === false) return () => false
  if (typeof trust === 'number') return (_address, hop) => hop < trust
  const list = new BlockList()
  for (const entry of trust.flatMap((name) => named[name] ?? [name])) {
    const [network = '', bits] = entry.split('/')
    const family = isIP(network) === 6 ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(network, family)
    else list.addSubnet(network, Number(bits), family)
  }
  return (address) => list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

/** The names that proxies are usually called by, as in Express. */
const named: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
}
