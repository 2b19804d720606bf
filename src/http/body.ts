import type { IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { AppError } from '../errors.ts'

/** Segment's own bound of a batch, counted after inflation. */
export const BODY_LIMIT = 512_000
// A client that is still writing when we answer and close sees a broken pipe instead of the 413: so the rest is
// read and thrown away, up to this much.
const DISCARD_LIMIT = 8_000_000

/** The caller hung up before the body was whole: nobody is left to answer. */
export class ClientGone extends Error {}

/**
 * Reads a request's body, inflated, at most `limit` bytes; of any content type. Throws AppError 413 `body-too-large`,
 * 415 `encoding-not-supported`, 400 `gzip-unreadable`; ClientGone where the connection broke.
 */
export async function readBody(request: IncomingMessage, limit: number = BODY_LIMIT): Promise<Buffer> {
  const gzip = declaresGzip(request.headers['content-encoding'])
  const raw = await collect(request, limit)
  // RudderStack's Node SDK labels gzip as a form and some proxies strip the header: the magic bytes decide.
  if (gzip || (raw[0] === 0x1f && raw[1] === 0x8b)) return inflate(raw, limit)
  return raw
}

function declaresGzip(encoding: string | undefined): boolean {
  const name = encoding?.trim().toLowerCase() ?? ''
  if (name === '' || name === 'identity') return false
  if (name === 'gzip' || name === 'x-gzip') return true
  throw new AppError('invalid', 'Send the body as it is or with Content-Encoding: gzip.', {
    code: 'encoding-not-supported',
    status: 415,
  })
}

function collect(request: IncomingMessage, limit: number): Promise<Buffer> {
  const announced = Number(request.headers['content-length'] ?? 0)
  if (announced > DISCARD_LIMIT) return Promise.reject(tooLarge(limit))
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] = []
    let size = 0
    let whole = false
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= limit) chunks.push(chunk)
      else chunks = []
      if (size > DISCARD_LIMIT) reject(tooLarge(limit))
    })
    request.on('end', () => {
      whole = true
      if (size > limit) reject(tooLarge(limit))
      else resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size))
    })
    const gone = (): void => {
      if (!whole) reject(new ClientGone()) // `close` follows `end` too, and an error with its stack is dear
    }
    request.on('error', gone)
    request.on('close', gone)
  })
}

const gunzipBounded = promisify(gunzip)

/** Stops at the bound while inflating: a bomb costs no more than a full body. */
async function inflate(raw: Buffer, limit: number): Promise<Buffer> {
  try {
    return await gunzipBounded(raw, { maxOutputLength: limit })
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge(limit)
    throw new AppError('invalid', 'The gzip body is damaged: compress it again.', { code: 'gzip-unreadable' })
  }
}

function tooLarge(limit: number): AppError {
  return new AppError('invalid', `A body holds at most ${limit} bytes after inflation: send smaller batches.`, {
    code: 'body-too-large',
    status: 413,
  })
}
