import type { KeyMetadata } from '@aws-sdk/client-kms'
import { AppError } from '../../errors.ts'
import { type Kms, KmsRefused, type Refusal, rootMissing } from './kms-client.ts'
import { rootInUse, rootUnknown, unavailable } from './remote-call.ts'

/** 7 days is the shortest that KMS takes. */
export const PENDING_DAYS = 7

/** The keys behind one alias: each is a version of the root, named by its ARN, which says account and region too. */
export interface RootKeys {
  /** ARN of the key that the alias points to, and the ARN's part before the id. Throws AppError `key-root-missing`. */
  current(): Promise<{ arn: string; prefix: string }>
  /** The key that took the place of `arn`: aliases change within seconds, not at once. */
  newest(arn: string): string
  rotate(): Promise<string>
  destroy(arn: string): Promise<{ readonly effectiveAt: Date }>
  /** Undefined where there is no such key, any more. */
  describe(keyId: string): Promise<KeyMetadata | undefined>
}

export function rootKeys(kms: Kms, alias: string): RootKeys {
  const successors = new Map<string, string>()
  const newest = (arn: string): string => {
    const next = successors.get(arn)
    return next === undefined ? arn : newest(next)
  }
  const describe = (keyId: string): Promise<KeyMetadata | undefined> =>
    kms
      .call((client, sdk, options) => client.send(new sdk.DescribeKeyCommand({ KeyId: keyId }), options))
      .then(({ KeyMetadata: metadata }) => metadata)
      .catch(onRefusal('NotFoundException', () => undefined))
  const find = async (): Promise<string | undefined> => {
    const metadata = await describe(alias)
    return metadata === undefined ? undefined : suitableArn(kms.uri, metadata)
  }
  const current = async (): Promise<{ arn: string; prefix: string }> => {
    const arn = await find()
    if (arn === undefined) throw rootMissing(kms.uri)
    return { arn: newest(arn), prefix: arn.slice(0, arn.lastIndexOf('/') + 1) }
  }
  return {
    current,
    newest,
    describe,
    async rotate() {
      const before = await find()
      const made = await createKey(kms, alias)
      await pointAlias(kms, alias, made, before === undefined ? 'create' : 'update')
      if (before !== undefined) successors.set(newest(before), made)
      return made
    },
    async destroy(arn) {
      const { arn: inUse, prefix } = await current()
      // Of a key elsewhere, KMS here would say that it does not exist: that is no destruction.
      if (!arn.startsWith(prefix)) throw rootUnknown(kms.uri)
      if (arn === inUse) throw rootInUse(kms.uri, arn)
      return { effectiveAt: await scheduleDeletion(kms, arn, describe) }
    },
  }
}

async function createKey(kms: Kms, alias: string): Promise<string> {
  const { KeyMetadata: metadata } = await kms.call(
    (client, sdk, options) =>
      client.send(
        new sdk.CreateKeyCommand({
          KeySpec: 'SYMMETRIC_DEFAULT',
          KeyUsage: 'ENCRYPT_DECRYPT',
          Description: 'Version of the root of a Weir',
          Tags: [{ TagKey: 'weir', TagValue: alias.slice('alias/'.length) }],
        }),
        options,
      ),
    { repeatable: false }, // asked twice, there would be two, each at a price
  )
  if (metadata === undefined) throw unavailable(kms.uri, 'made no key')
  return suitableArn(kms.uri, metadata)
}

async function pointAlias(kms: Kms, alias: string, arn: string, how: 'create' | 'update'): Promise<void> {
  const input = { AliasName: alias, TargetKeyId: arn }
  if (how === 'update') {
    await kms.call((client, sdk, options) => client.send(new sdk.UpdateAliasCommand(input), options))
    return
  }
  await kms
    .call((client, sdk, options) => client.send(new sdk.CreateAliasCommand(input), options))
    .catch(onRefusal('AlreadyExistsException', () => pointAlias(kms, alias, arn, 'update')))
}

async function scheduleDeletion(kms: Kms, arn: string, describe: RootKeys['describe']): Promise<Date> {
  const answer = await kms
    .call((client, sdk, options) => {
      const input = { KeyId: arn, PendingWindowInDays: PENDING_DAYS }
      return client.send(new sdk.ScheduleKeyDeletionCommand(input), options)
    })
    .catch(onRefusal('KMSInvalidStateException', () => undefined)) // as where it is scheduled already
    .catch(onRefusal('NotFoundException', () => undefined)) // as where it is gone
  if (answer?.DeletionDate !== undefined) return answer.DeletionDate
  const metadata = await describe(arn)
  if (metadata === undefined) return new Date()
  if (metadata.KeyState === 'PendingDeletion' && metadata.DeletionDate !== undefined) return metadata.DeletionDate
  throw unavailable(kms.uri, `did not schedule the deletion of ${arn}`)
}

/** The ARN of a key that can be the root, whose destruction would be one. Throws AppError `key-root-unsuitable`. */
function suitableArn(uri: string, key: KeyMetadata): string {
  const isPlain = key.KeySpec === 'SYMMETRIC_DEFAULT' && key.KeyUsage === 'ENCRYPT_DECRYPT' && key.MultiRegion !== true
  if (!isPlain || key.Origin === 'EXTERNAL' || key.KeyManager === 'AWS' || !isKeyArn(key.Arn ?? '')) {
    throw new AppError(
      'invalid',
      `the key provider ${uri} has a key that cannot be the root: make it symmetric, of one region, its material made by KMS`,
      { code: 'key-root-unsuitable' },
    )
  }
  return key.Arn ?? ''
}

export function isKeyArn(text: string): boolean {
  return /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[A-Za-z0-9-]{1,64}$/.test(text)
}

/** For catch(): another way where KMS refuses for this reason. */
export function onRefusal<T>(reason: Refusal, otherwise: () => T | Promise<T>): (error: unknown) => T | Promise<T> {
  return (error) => {
    if (error instanceof KmsRefused && error.reason === reason) return otherwise()
    throw error
  }
}
