import type { JsonObject } from '../event/event.ts'
import type { By } from '../http/audit-api.ts'
import type { IncidentsApi, NoticeAsked } from '../http/incidents-api.ts'
import { atMost } from '../pipeline/at-most.ts'
import { activePolicy } from './count.ts'
import { entryOf, type IncidentDeps } from './deps.ts'
import { addToIncident, openIncident, requireLaw } from './file.ts'
import { countsOf } from './incident.ts'
import { draftNotice } from './notice.ts'
import { type IncidentList, listIncidents, readIncident } from './rows.ts'
import { summaryOf, viewOf } from './view.ts'

const COUNTS = 3 // of a process at once: each may read the whole log

/** Files of incidents, as the HTTP edge and the command line are given them. */
export function createIncidents(deps: IncidentDeps): IncidentsApi {
  const open = atMost(COUNTS, async ({ by, ...asked }: Parameters<IncidentsApi['open']>[0]) =>
    view(deps, await openIncident(deps, by, asked)),
  )
  const act = async ({ by, id, act: wanted }: Parameters<IncidentsApi['act']>[0]): Promise<JsonObject> => {
    await addToIncident(deps, by, id, wanted)
    return view(deps, id)
  }
  const count = atMost(COUNTS, act)
  return {
    open,
    act: (input) => (input.act.kind === 'counted' ? count(input) : act(input)),
    async show({ by, id }) {
      const { caseId } = await readIncident(deps.db, id)
      await deps.audit.append(entryOf(by, { id, action: 'incident.show', caseId, outcome: 'released' }))
      return view(deps, id)
    },
    list: ({ by, ...list }) => listAll(deps, by, list),
    notice: ({ by, ...asked }) => noticeOf(deps, by, asked),
  }
}

async function view(deps: IncidentDeps, id: string): Promise<JsonObject> {
  const incident = await readIncident(deps.db, id)
  const { laws } = await activePolicy(deps.db, deps.policies)
  return viewOf(incident, { laws, now: deps.now(), tokenKey: deps.keyring.tokenKey })
}

async function listAll(deps: IncidentDeps, by: By, list: IncidentList): Promise<JsonObject> {
  await deps.audit.append(entryOf(by, { action: 'incident.list', outcome: 'released' }))
  const { laws } = await activePolicy(deps.db, deps.policies)
  const found = await listIncidents(deps.db, { ...list, limit: list.limit + 1 })
  const page = found.slice(0, list.limit)
  return {
    incidents: page.map((one) => summaryOf(one, { laws, now: deps.now() })),
    next: found.length > list.limit ? String(page.at(-1)!.number) : null,
  }
}

async function noticeOf(deps: IncidentDeps, by: By, { id, law, to, lang }: NoticeAsked): Promise<string> {
  const { laws } = await activePolicy(deps.db, deps.policies)
  requireLaw(laws, law)
  const incident = await readIncident(deps.db, id)
  const more = { law, to, lang }
  const { caseId } = incident
  await deps.audit.append(entryOf(by, { id, action: 'incident.notice', caseId, outcome: 'released', more }))
  return draftNotice({ incident, counts: countsOf(incident), laws, now: deps.now() }, { law, to, lang })
}
