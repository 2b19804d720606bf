import { appendEntriesAbout } from '../audit/log.ts'
import { transaction } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import type { RequestsApi } from '../http/requests-api.ts'
import { setContacts } from '../identity/contacts.ts'
import { withCurrentIndex } from '../identity/stale-index.ts'
import { withActiveEpoch } from '../keys/subject-keys.ts'
import type { AskingDeps } from './asking-deps.ts'
import { cancelRequest } from './cancel.ts'
import { createRequest } from './create.ts'
import { readStatus, statusOf } from './status.ts'
import { proveRequest } from './verify/prove.ts'
import { resendProof } from './verify/resend.ts'

/** What people do with their requests, and what shops say of where people are reached. */
export function createAsking(deps: AskingDeps): RequestsApi {
  return {
    create: (input) => createRequest(deps, input),
    status: ({ id, secret }) => readStatus(deps, id, secret),
    async verify(proving) {
      const { request, secret } = await proveRequest(deps, proving)
      return { ...statusOf(request), ...(secret === undefined ? {} : { secret }) }
    },
    cancel: async (cancelling) => statusOf(await cancelRequest(deps, cancelling)),
    resend: async (resending) => statusOf(await resendProof(deps, resending)),
    setContacts: (input) => setContactsOf(deps, input),
  }
}

/** Throws AppError forbidden `server-key-needed`, and as setContacts. */
async function setContactsOf(
  { db, keyring, now }: AskingDeps,
  { source, ...change }: Parameters<RequestsApi['setContacts']>[0],
): ReturnType<RequestsApi['setContacts']> {
  if (source.kind !== 'server' || source.test) {
    throw new AppError('forbidden', 'Contacts are vouched for by the shop: send them with a server key.', {
      code: 'server-key-needed',
    })
  }
  const fields = (['email', 'phone'] as const).filter((name) => change[name] !== undefined)
  await withCurrentIndex(keyring, () =>
    withActiveEpoch(keyring, () =>
      transaction(db, async (tx) => {
        const subject = await setContacts(tx, keyring, change)
        const act = { actor: `source:${source.id}`, action: 'contacts.set', resource: 'contacts', purpose: 'rights' }
        const entry = { ...act, outcome: 'done' as const, about: [{ subject }], more: { fields } }
        await appendEntriesAbout(tx, { keyring, now }, [entry])
      }),
    ),
  )
  return { set: fields }
}
