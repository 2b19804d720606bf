import { randomInt } from 'node:crypto'
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type pg from 'pg'

/** Bytes that must not be found, with the name of what they would give away. */
export interface Needle {
  readonly name: string
  readonly bytes: Buffer
}

/** Leak markers of one test: values that exist nowhere else, whole or in part, in any usual encoding. */
export interface Markers {
  /** Twelve letters that every text marker begins with. */
  readonly core: string
  /** A value for the field `name`. */
  readonly text: (name: string) => string
  readonly email: (name: string) => string
  /** Digits of a mobile number without country code or separators; the same in every form of it. */
  readonly phone: string
  readonly ip: string
  readonly ipv6: string
  /** A name in another script. */
  readonly chinese: string
  readonly needles: readonly Needle[]
}

export function makeMarkers(): Markers {
  const core = letters(12)
  const phone = `138${digits(8)}`
  const ip = `198.51.${randomInt(100, 255)}.${randomInt(100, 255)}`
  const ipv6 = `2001:db8:7${hex(3)}:8${hex(3)}::9${hex(3)}`
  const chinese = `王${String.fromCharCode(0x4e00 + randomInt(20_000))}${String.fromCharCode(0x4e00 + randomInt(20_000))}${String.fromCharCode(0x4e00 + randomInt(20_000))}`
  return {
    core,
    text: (name) => core + name,
    email: (name) => `${core}${name}@mail.example`,
    phone,
    ip,
    ipv6,
    chinese,
    needles: [
      ...needlesOf('a text marker', core),
      ...needlesOf('a text marker in capitals', core.toUpperCase()),
      ...needlesOf('the phone number', phone.slice(2)),
      ...needlesOf('the address', ip),
      ...needlesOf('the IPv6 address', ipv6.slice(ipv6.indexOf(':8') + 1)),
      ...needlesOf('the Chinese name', chinese),
      { name: 'the Chinese name, JSON-escaped', bytes: Buffer.from(escaped(chinese)) },
      { name: 'the Chinese name, percent-encoded', bytes: Buffer.from(encodeURIComponent(chinese)) },
    ],
  }
}

function letters(length: number): string {
  return Array.from({ length }, () => 'bcdfghjklmnpqrstvwxz'[randomInt(20)]).join('')
}

function digits(length: number): string {
  return Array.from({ length }, () => String(randomInt(10))).join('')
}

function hex(length: number): string {
  return Array.from({ length }, () => randomInt(16).toString(16)).join('')
}

function escaped(text: string): string {
  const unit = (_: unknown, at: number): string => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`
  return Array.from({ length: text.length }, unit).join('')
}

/** A text in the forms in which it could lie about: UTF-8, UTF-16, hex, and base64 at each of its three offsets. */
function needlesOf(name: string, text: string): Needle[] {
  const utf8 = Buffer.from(text, 'utf8')
  const forms: [string, Buffer][] = [
    ['UTF-8', utf8],
    ['UTF-16LE', Buffer.from(text, 'utf16le')],
    ['UTF-16BE', Buffer.from(text, 'utf16le').swap16()],
    ['hex', Buffer.from(utf8.toString('hex'))],
    ['HEX', Buffer.from(utf8.toString('hex').toUpperCase())],
  ]
  for (let offset = 0; offset < 3; offset++) {
    const shifted = Buffer.concat([Buffer.alloc(offset), utf8])
    // Characters that also depend on the bytes before and after are left out.
    const [from, to] = [offset === 0 ? 0 : offset + 1, Math.floor((shifted.length * 8) / 6)]
    forms.push([`base64+${offset}`, Buffer.from(shifted.toString('base64').slice(from, to))])
    forms.push([`base64url+${offset}`, Buffer.from(shifted.toString('base64url').slice(from, to))])
  }
  return forms.map(([form, bytes]) => ({ name: `${name} in ${form}`, bytes }))
}

/** What of the needles is in there: one pass, which stops only where two bytes are those that a needle begins with. */
export function findIn(haystack: Buffer | string, needles: readonly Needle[]): string[] {
  const bytes = typeof haystack === 'string' ? Buffer.from(haystack, 'utf8') : haystack
  const starts = startsOf(needles)
  const found = new Set<string>()
  let before = bytes[0] ?? 0
  for (let i = 1; i < bytes.length; i++) {
    const byte = bytes[i] as number
    if (starts[(before << 8) | byte] === 1) {
      for (const needle of needles) {
        if (bytes.subarray(i - 1, i - 1 + needle.bytes.length).equals(needle.bytes)) found.add(needle.name)
      }
    }
    before = byte
  }
  return [...found]
}

const known = new WeakMap<readonly Needle[], Uint8Array>()

function startsOf(needles: readonly Needle[]): Uint8Array {
  let starts = known.get(needles)
  if (starts === undefined) {
    starts = new Uint8Array(65_536)
    for (const { bytes } of needles) starts[bytes.readUInt16BE(0)] = 1
    known.set(needles, starts)
  }
  return starts
}

const CHUNK = 8 * 1024 * 1024
const OVERLAP = 256

export interface Searched {
  readonly found: string[]
  readonly files: number
  readonly bytes: number
}

/** Searches every file below a folder byte by byte. A file that goes away meanwhile is passed over. */
export async function searchFiles(folder: string, needles: readonly Needle[]): Promise<Searched> {
  const found: string[] = []
  const buffer = Buffer.alloc(CHUNK + OVERLAP)
  let files = 0
  let bytes = 0
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const result = await searchFile(path, needles, buffer).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return { found: [], bytes: 0 }
      throw error
    })
    files++
    bytes += result.bytes
    found.push(...result.found.map((name) => `${name}: ${path.slice(folder.length + 1)}`))
  }
  return { found, files, bytes }
}

async function searchFile(
  path: string,
  needles: readonly Needle[],
  buffer: Buffer,
): Promise<{ found: string[]; bytes: number }> {
  const file = await open(path)
  try {
    const found = new Set<string>()
    let kept = 0
    let bytes = 0
    for (;;) {
      const { bytesRead } = await file.read(buffer, kept, CHUNK)
      if (bytesRead === 0) break
      bytes += bytesRead
      const filled = kept + bytesRead
      for (const name of findIn(buffer.subarray(0, filled), needles)) found.add(name)
      kept = Math.min(OVERLAP, filled)
      buffer.copy(buffer, 0, filled - kept, filled)
    }
    return { found: [...found], bytes }
  } finally {
    await file.close()
  }
}

/**
 * Searches every row of every table of the database as text, its own catalogues and the statistics of columns
 * included. Asked as the superuser; bytea columns show as hex there.
 */
export async function searchDatabase(client: pg.Client, needles: readonly Needle[]): Promise<string[]> {
  const { rows: tables } = await client.query<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'm') and n.nspname not in ('information_schema', 'pg_toast') order by 1`,
  )
  const found: string[] = []
  for (const { name } of [...tables, { name: 'pg_catalog.pg_stats' }, { name: 'pg_catalog.pg_stat_activity' }]) {
    const { rows } = await client.query<{ row: string }>(`select t::text as row from ${name} t`)
    for (const { row } of rows) found.push(...findIn(row, needles).map((what) => `${what}: ${name}`))
  }
  return [...new Set(found)]
}
