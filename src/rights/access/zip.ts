import { ReadableStream, TransformStream } from 'node:stream/web'
import { configure, ZipWriter } from '@zip.js/zip.js'
import { AppError } from '../../errors.ts'
import type { ExportFile } from './files.ts'

// Of as many archives as there are cores, those that nobody reads on would hold up all others: it counts without workers too.
configure({ useWebWorkers: false, maxWorkers: 64 })

const AES_256 = 3 // of APPNOTE's and WinZip's key strengths: 1, 2, 3

/**
 * An archive under a passphrase: WinZip AE-2, AES-256 with HMAC-SHA-1, PBKDF2 of 1,000 rounds as the format fixes them,
 * so that the passphrase carries the strength. Names of files are in clear, and are the same for everybody. Written as it
 * is read: a file is composed when its turn comes.
 */
export function encryptedZip(files: Iterable<ExportFile>, passphrase: string): AsyncGenerator<Uint8Array> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
  const writer = new ZipWriter<unknown>(writable, {
    password: passphrase,
    encryptionStrength: AES_256,
    level: 6,
    zip64: false,
    extendedTimestamp: false,
  })
  const stopping = new AbortController()
  let current: AsyncGenerator<Uint8Array> | undefined
  async function write(): Promise<void> {
    for (const { name, content } of files) {
      current = encoded(content())
      await writer.add(name, ReadableStream.from(current), { signal: stopping.signal })
    }
    await writer.close()
  }
  return (async function* () {
    const writing = write().catch(async (error: unknown) => {
      await writable.abort(error).catch(() => undefined) // who reads is told by the stream
      throw error
    })
    writing.catch(() => undefined) // looked at below, where it is not too late
    try {
      for await (const chunk of readable) yield chunk
      await writing
    } finally {
      stopping.abort()
      await current?.return(undefined) // what is composed for nobody holds a database's connection
    }
  })()
}

async function* encoded(pieces: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) if (piece !== '') yield Buffer.from(piece, 'utf8')
}

const PASSPHRASE = /^[\x21-\x7e](?:[\x20-\x7e]{10,126})[\x21-\x7e]$/

/** Letters, digits, signs and blanks of ASCII: programs disagree about how others are written. Throws AppError invalid. */
export function requirePassphrase(passphrase: string): void {
  if (PASSPHRASE.test(passphrase)) return
  throw new AppError(
    'invalid',
    'passphrase: 12 to 128 letters, digits, signs and blanks of ASCII, no blank at either end. It is kept nowhere.',
    { code: 'passphrase-weak' },
  )
}
