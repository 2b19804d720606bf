import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes, randomUUID } from 'node:crypto'
import { z } from 'zod'
import { type Answer, type Asked, type FaultyServer, startFaultyServer } from './faulty-server.ts'

export interface FakeKms extends FaultyServer {
  readonly region: string
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
  readonly keys: ReadonlyMap<string, FakeKey>
  readonly aliases: Map<string, string>
  /** How many keys were made, those that are gone included. */
  created(): number
  /** What every new key is beside the plain one: for keys that cannot be the root. */
  readonly newKeysAre: Record<string, unknown>
  /** The days until a scheduled deletion pass. */
  passDeletions(): void
  /** An alias that Encrypt and DescribeKey still see as it was, as happens for seconds after UpdateAlias. */
  staleAlias(alias: string): void
  readonly complaints: readonly string[]
}

export interface FakeKey {
  readonly arn: string
  readonly material: Buffer
  readonly tags: unknown
  deletion: number | undefined
}

const REGION = 'eu-central-1'
const Context = z.record(z.string(), z.string()).optional()
const Input = {
  Encrypt: z.strictObject({ KeyId: z.string(), Plaintext: z.base64(), EncryptionContext: Context }),
  Decrypt: z.strictObject({ KeyId: z.string(), CiphertextBlob: z.base64(), EncryptionContext: Context }),
  DescribeKey: z.strictObject({ KeyId: z.string() }),
  CreateKey: z.strictObject({
    KeySpec: z.literal('SYMMETRIC_DEFAULT'),
    KeyUsage: z.literal('ENCRYPT_DECRYPT'),
    Description: z.string().max(8192),
    Tags: z.array(z.strictObject({ TagKey: z.string(), TagValue: z.string() })),
  }),
  CreateAlias: z.strictObject({ AliasName: z.string().startsWith('alias/'), TargetKeyId: z.string() }),
  UpdateAlias: z.strictObject({ AliasName: z.string().startsWith('alias/'), TargetKeyId: z.string() }),
  ScheduleKeyDeletion: z.strictObject({ KeyId: z.string(), PendingWindowInDays: z.int().min(7).max(30) }),
}

/** AWS KMS as far as the root goes, over the JSON 1.1 protocol: it really encrypts, and checks each SigV4 signature. */
export async function startFakeKms(): Promise<FakeKms> {
  const keys = new Map<string, FakeKey>()
  const aliases = new Map<string, string>()
  const stale = new Map<string, string>()
  const complaints: string[] = []
  const newKeysAre: Record<string, unknown> = {}
  let created = 0
  const credentials = { accessKeyId: 'AKIAFAKEFAKEFAKEFAKE', secretAccessKey: randomBytes(30).toString('base64') }

  const find = (id: string): FakeKey | undefined => keys.get(stale.get(id) ?? aliases.get(id) ?? id)
  const metadata = (key: FakeKey): Record<string, unknown> => ({
    KeyId: key.arn.split('/')[1],
    Arn: key.arn,
    KeySpec: 'SYMMETRIC_DEFAULT',
    KeyUsage: 'ENCRYPT_DECRYPT',
    KeyManager: 'CUSTOMER',
    Origin: 'AWS_KMS',
    MultiRegion: false,
    KeyState: key.deletion === undefined ? 'Enabled' : 'PendingDeletion',
    ...(key.deletion === undefined ? {} : { DeletionDate: key.deletion }),
    ...newKeysAre,
  })
  const usable = (id: string, use: (key: FakeKey) => Answer): Answer => {
    const key = find(id)
    if (key === undefined) return refused('NotFoundException')
    return key.deletion === undefined ? use(key) : refused('KMSInvalidStateException')
  }
  const actions: Record<string, (body: unknown) => Answer> = {
    Encrypt(body) {
      const { KeyId, Plaintext, EncryptionContext } = Input.Encrypt.parse(body)
      return usable(KeyId, (key) => {
        const blob = encrypt(key, Buffer.from(Plaintext, 'base64'), EncryptionContext)
        return done({
          CiphertextBlob: blob.toString('base64'),
          KeyId: key.arn,
          EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
        })
      })
    },
    Decrypt(body) {
      const { KeyId, CiphertextBlob, EncryptionContext } = Input.Decrypt.parse(body)
      return usable(KeyId, (key) => decrypt(key, Buffer.from(CiphertextBlob, 'base64'), EncryptionContext))
    },
    DescribeKey(body) {
      const key = find(Input.DescribeKey.parse(body).KeyId)
      return key === undefined ? refused('NotFoundException') : done({ KeyMetadata: metadata(key) })
    },
    CreateKey(body) {
      const { Tags } = Input.CreateKey.parse(body)
      const arn = `arn:aws:kms:${REGION}:111122223333:key/${randomUUID()}`
      const key: FakeKey = { arn, material: randomBytes(32), tags: Tags, deletion: undefined }
      keys.set(arn, key)
      created++
      return done({ KeyMetadata: metadata(key) })
    },
    CreateAlias(body) {
      const { AliasName, TargetKeyId } = Input.CreateAlias.parse(body)
      if (aliases.has(AliasName)) return refused('AlreadyExistsException')
      aliases.set(AliasName, TargetKeyId)
      return done(undefined)
    },
    UpdateAlias(body) {
      const { AliasName, TargetKeyId } = Input.UpdateAlias.parse(body)
      if (!aliases.has(AliasName)) return refused('NotFoundException')
      aliases.set(AliasName, TargetKeyId)
      return done(undefined)
    },
    ScheduleKeyDeletion(body) {
      const { KeyId, PendingWindowInDays } = Input.ScheduleKeyDeletion.parse(body)
      return usable(KeyId, (key) => {
        key.deletion = Math.floor(Date.now() / 1000) + PendingWindowInDays * 86_400
        return done({ KeyId: key.arn, DeletionDate: key.deletion, KeyState: 'PendingDeletion', PendingWindowInDays })
      })
    },
  }
  const server = await startFaultyServer('application/x-amz-json-1.1', (asked) => {
    const [service, name = ''] = String(asked.headers['x-amz-target']).split('.')
    const action = actions[name]
    if (asked.method !== 'POST' || asked.path !== '/' || service !== 'TrentService' || action === undefined) {
      complaints.push(`${asked.method} ${asked.path} ${name}`)
      return refused('UnknownOperationException')
    }
    if (!isSigned(asked, credentials)) return refused('IncompleteSignatureException')
    return action(JSON.parse(asked.text))
  })
  return {
    ...server,
    region: REGION,
    credentials,
    keys,
    aliases,
    created: () => created,
    newKeysAre,
    complaints,
    passDeletions() {
      for (const [arn, key] of keys) if (key.deletion !== undefined) keys.delete(arn)
    },
    staleAlias: (alias) => void stale.set(alias, aliases.get(alias)!),
  }
}

/** Own id, nonce, ciphertext, tag; the context in canonical JSON as AAD. */
function encrypt(key: FakeKey, plaintext: Buffer, context: z.infer<typeof Context>): Buffer {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key.material, nonce)
  cipher.setAAD(canonical(context))
  const id = Buffer.from(key.arn.split('/')[1]!)
  return Buffer.concat([id, nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
}

function decrypt(key: FakeKey, blob: Buffer, context: z.infer<typeof Context>): Answer {
  if (blob.length < 36 + 28) return refused('InvalidCiphertextException')
  if (!key.arn.endsWith(blob.toString('latin1', 0, 36))) return refused('IncorrectKeyException')
  const decipher = createDecipheriv('aes-256-gcm', key.material, blob.subarray(36, 48), { authTagLength: 16 })
  decipher.setAAD(canonical(context))
  decipher.setAuthTag(blob.subarray(-16))
  const plaintext = decipher.update(blob.subarray(48, -16))
  try {
    decipher.final()
  } catch {
    return refused('InvalidCiphertextException')
  }
  return done({ Plaintext: plaintext.toString('base64'), KeyId: key.arn, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' })
}

function canonical(context: z.infer<typeof Context>): Buffer {
  return Buffer.from(JSON.stringify(Object.entries(context ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))))
}

/** Signature Version 4: the canonical request, its hash, the day's key. */
function isSigned({ method, path, headers, text }: Asked, credentials: FakeKms['credentials']): boolean {
  const [, scope = '', names = '', signature] =
    /^AWS4-HMAC-SHA256 Credential=([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? '',
    ) ?? []
  const [keyId, day = '', region = '', service = '', end = ''] = scope.split('/')
  if (keyId !== credentials.accessKeyId || region !== REGION || service !== 'kms' || end !== 'aws4_request')
    return false
  const signed = names.split(';')
  if (!['host', 'x-amz-date', 'x-amz-target'].every((name) => signed.includes(name))) return false
  const sha256 = (data: string): string => createHash('sha256').update(data).digest('hex')
  const hmac = (key: string | Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest()
  const lines = signed.map((name) => `${name}:${String(headers[name]).trim()}\n`).join('')
  const request = [method, path, '', lines, names, sha256(text)].join('\n')
  const toSign = [
    'AWS4-HMAC-SHA256',
    headers['x-amz-date'],
    [day, region, service, end].join('/'),
    sha256(request),
  ].join('\n')
  const dayKey = [day, region, service, end].reduce<string | Buffer>(hmac, `AWS4${credentials.secretAccessKey}`)
  return hmac(dayKey, toSign).toString('hex') === signature
}

const done = (body: unknown): Answer => ({ status: 200, body })
const refused = (type: string): Answer => ({ status: 400, body: { __type: type, message: 'refused by the fake' } })
