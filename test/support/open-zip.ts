import { createCipheriv, createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto'
import { inflateRawSync } from 'node:zlib'

/**
 * Opens an archive of AES-256 entries by the format's documents alone (PKWARE APPNOTE.TXT 4.3 and 4.4; WinZip, "AES
 * Encryption Information", AE-2), so that what writes archives is not checked by itself. Throws for a wrong passphrase and
 * for an entry that was changed.
 */
export function openZip(zip: Buffer, passphrase: string): Map<string, Buffer> {
  const files = new Map<string, Buffer>()
  const end = zip.lastIndexOf(Buffer.from('504b0506', 'hex'))
  if (end < 0) throw new Error('no end of the central directory')
  let at = zip.readUInt32LE(end + 16)
  for (let i = zip.readUInt16LE(end + 10); i > 0; i--) {
    if (zip.readUInt32LE(at) !== 0x02014b50) throw new Error('no entry of the central directory')
    const [nameLength, extraLength, noteLength] = [28, 30, 32].map((offset) => zip.readUInt16LE(at + offset))
    const name = zip.toString('utf8', at + 46, at + 46 + nameLength!)
    const extra = zip.subarray(at + 46 + nameLength!, at + 46 + nameLength! + extraLength!)
    files.set(name, openEntry(zip, { at, extra, passphrase }))
    at += 46 + nameLength! + extraLength! + noteLength!
  }
  return files
}

interface Entry {
  readonly at: number
  readonly extra: Buffer
  readonly passphrase: string
}

function openEntry(zip: Buffer, { at, extra, passphrase }: Entry): Buffer {
  const isEncrypted = (zip.readUInt16LE(at + 8) & 1) === 1
  const aes = fieldOf(extra, 0x9901)
  if (!isEncrypted || zip.readUInt16LE(at + 10) !== 99 || aes === undefined) throw new Error('an entry in clear')
  const [version, strength, method] = [aes.readUInt16LE(0), aes[4], aes.readUInt16LE(5)]
  if (version !== 2 || strength !== 3) throw new Error('not AE-2 with AES-256')
  const local = zip.readUInt32LE(at + 42)
  const begin = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28)
  const data = zip.subarray(begin, begin + zip.readUInt32LE(at + 20))
  const plain = decrypt(data, passphrase)
  return method === 8 ? inflateRawSync(plain) : plain
}

function fieldOf(extra: Buffer, wanted: number): Buffer | undefined {
  for (let at = 0; at + 4 <= extra.length; ) {
    const [id, size] = [extra.readUInt16LE(at), extra.readUInt16LE(at + 2)]
    if (id === wanted) return extra.subarray(at + 4, at + 4 + size)
    at += 4 + size
  }
  return undefined
}

const SALT = 16
const CHECK = 2
const MAC = 10

function decrypt(data: Buffer, passphrase: string): Buffer {
  const keys = pbkdf2Sync(passphrase, data.subarray(0, SALT), 1_000, 66, 'sha1')
  if (!keys.subarray(64).equals(data.subarray(SALT, SALT + CHECK))) throw new Error('the passphrase is wrong')
  const cipher = data.subarray(SALT + CHECK, data.length - MAC)
  const mac = createHmac('sha1', keys.subarray(32, 64)).update(cipher).digest().subarray(0, MAC)
  if (!timingSafeEqual(mac, data.subarray(data.length - MAC))) throw new Error('the entry was changed')
  // CTR with a counter that begins at 1 and is written with its small end first, which no mode of OpenSSL does.
  const blocks = Buffer.alloc(Math.ceil(cipher.length / 16) * 16)
  for (let i = 0; i * 16 < blocks.length; i++) blocks.writeUInt32LE(i + 1, i * 16)
  const stream = createCipheriv('aes-256-ecb', keys.subarray(0, 32), null).setAutoPadding(false).update(blocks)
  return Buffer.from(cipher.map((byte, i) => byte ^ stream[i]!))
}
