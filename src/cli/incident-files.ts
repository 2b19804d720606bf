import { createAudit } from '../audit/log.ts'
import type { IncidentsApi } from '../http/incidents-api.ts'
import { createIncidents } from '../incidents/desk.ts'
import { createPolicyShelf } from '../pipeline/policy-shelf.ts'
import { withKeys } from './with-keys.ts'

/** The files of incidents over the database of this installation, with its keys. Entries wait for the gateway to take them in. */
export function withIncidents<T>(work: (incidents: IncidentsApi) => Promise<T>): Promise<T> {
  return withKeys(async (context) => {
    const { db } = context
    const keyring = await context.openKeyring()
    const audit = createAudit({ db, keyring, now: Date.now, catchUp: async () => undefined })
    return work(createIncidents({ db, keyring, audit, policies: createPolicyShelf(), now: Date.now }))
  })
}
