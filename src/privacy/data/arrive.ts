import { prove } from '../../consent/prove.ts'
import { provenNodes } from '../../consent/service.ts'
import { AppError } from '../../errors.ts'
import type { Source } from '../../event/event.ts'
import { present } from '../../identity/present.ts'
import { useOnce } from '../../rights/create.ts'
import { checkSession } from '../../rights/verify/session-token.ts'
import type { PrivacyDeps } from '../deps.ts'
import type { Who } from '../visit.ts'
import { indexOf } from './person.ts'

/**
 * Who is signed in at the shop, by a token that the shop signed: good once. Throws AppError `bad-session-token`,
 * `used-already`.
 */
export async function proveToken(deps: PrivacyDeps, source: Source, token: string): Promise<Who> {
  const { db, keyring, publicUrl } = deps
  const now = deps.now()
  const keys = [source.subjectKey].filter((key) => key !== undefined)
  const session = await checkSession(token, { right: 'session', publicUrl, now, keys })
  const presented = present(keyring, 'user_id', session.user)
  if (presented === undefined) throw new AppError('unauthenticated', 'sub is no user.', { code: 'bad-session-token' })
  await useOnce(db, session)
  return { type: 'user_id', keys: indexOf(presented), proof: 'session-token', provedAt: now, stale: session.stale }
}

/**
 * A visitor without an account, by what the SDK of their browser holds. Of a device that nothing is held of and of a wrong
 * secret the answer is one: AppError forbidden `not-yours`.
 */
export async function proveDevice(
  deps: PrivacyDeps,
  source: Source,
  { anonymousId, anonymousSecret }: { readonly anonymousId: string; readonly anonymousSecret: string },
): Promise<Who> {
  const { keyring, consent } = deps
  const proven = await prove({ source, anonymousId, anonymousSecret }, consent.verifySubjectToken, keyring)
  const { device } = await provenNodes(deps, proven)
  const presented = present(keyring, 'anonymous_id', proven.anonymousId)
  if (device === undefined || presented === undefined) {
    throw new AppError('forbidden', 'Nothing is held of this device, or it is not shown to be yours.', {
      code: 'not-yours',
    })
  }
  const keys = indexOf(presented)
  return { type: 'anonymous_id', keys, proof: 'device-secret', provedAt: deps.now(), stale: false }
}
