/**
 * Arrays in Postgres' binary wire form (array_recv of the server's arrayfuncs.c: ndim, has-null flag, element oid,
 * then dimension, lower bound, and length-prefixed elements, all int32 big-endian). node-pg sends a Buffer parameter
 * as binary; its own arrays are text with hex-escaped bytes, which costs more than sealing does.
 */
interface ElementType<T> {
  readonly oid: number
  size(value: T): number
  write(into: Buffer, at: number, value: T): void
}

const fixed = <T>(oid: number, bytes: number, write: ElementType<T>['write']): ElementType<T> => ({
  oid,
  size: () => bytes,
  write,
})

const INT2 = fixed<number>(21, 2, (into, at, value) => into.writeInt16BE(value, at))
const INT4 = fixed<number>(23, 4, (into, at, value) => into.writeInt32BE(value, at))
const INT8 = fixed<bigint>(20, 8, (into, at, value) => into.writeBigInt64BE(value, at))
const DATE = fixed<number>(1082, 4, (into, at, days) => into.writeInt32BE(days, at))
const UUID = fixed<string>(2950, 16, (into, at, uuid) => into.write(uuid.replaceAll('-', ''), at, 16, 'hex'))
const BYTEA: ElementType<Uint8Array> = {
  oid: 17,
  size: (value) => value.length,
  write: (into, at, value) => into.set(value, at),
}
const TEXT: ElementType<string> = {
  oid: 25,
  size: (value) => Buffer.byteLength(value),
  write: (into, at, value) => into.write(value, at, 'utf8'),
}

type Nullable<T> = T | null | undefined

/** smallint[] */
export const int2Array = (values: readonly number[]): Buffer => encode(INT2, values)
/** integer[] */
export const int4Array = (values: readonly number[]): Buffer => encode(INT4, values)
/** bigint[] */
export const int8Array = (values: readonly bigint[]): Buffer => encode(INT8, values)
/** date[], given as days since 2000-01-01 (Postgres' own epoch) */
export const dateArray = (days: readonly number[]): Buffer => encode(DATE, days)
/** uuid[], elements may be null */
export const uuidArray = (values: readonly Nullable<string>[]): Buffer => encode(UUID, values)
/** bytea[], elements may be null */
export const byteaArray = (values: readonly Nullable<Uint8Array>[]): Buffer => encode(BYTEA, values)
/** text[] */
export const textArray = (values: readonly Nullable<string>[]): Buffer => encode(TEXT, values)

const HEADER = 20
const DAY_MS = 86_400_000
const POSTGRES_DAY_ZERO = Date.UTC(2000, 0, 1) / DAY_MS

/** Days since 2000-01-01 of a time in milliseconds since 1970, by UTC. */
export function postgresDay(ms: number): number {
  return Math.floor(ms / DAY_MS) - POSTGRES_DAY_ZERO
}

/** The inverse of postgresDay: midnight UTC in milliseconds since 1970. */
export function postgresDayStart(days: number): number {
  return (days + POSTGRES_DAY_ZERO) * DAY_MS
}

function encode<T>(type: ElementType<T>, values: readonly Nullable<T>[]): Buffer {
  const sizes = new Array<number>(values.length)
  let total = HEADER
  let hasNull = 0
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    const size = value == null ? 0 : type.size(value)
    if (value == null) hasNull = 1
    sizes[i] = size
    total += 4 + size
  }
  if (values.length === 0) return emptyArray(type.oid)
  const out = Buffer.allocUnsafe(total)
  out.writeInt32BE(1, 0)
  out.writeInt32BE(hasNull, 4)
  out.writeInt32BE(type.oid, 8)
  out.writeInt32BE(values.length, 12)
  out.writeInt32BE(1, 16)
  let at = HEADER
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    out.writeInt32BE(value == null ? -1 : sizes[i]!, at)
    at += 4
    if (value == null) continue
    type.write(out, at, value)
    at += sizes[i]!
  }
  return out
}

function emptyArray(oid: number): Buffer {
  const out = Buffer.alloc(12)
  out.writeInt32BE(oid, 8)
  return out
}
