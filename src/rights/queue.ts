import { AppError } from '../errors.ts'
import type { JsonObject } from '../event/event.ts'
import type { By } from '../http/audit-api.ts'
import type { RequestFilter, RequestQueueApi } from '../http/request-queue-api.ts'
import { withActiveEpoch } from '../keys/subject-keys.ts'
import { readContent } from './content.ts'
import { dueUnderAll } from './due.ts'
import { accept, acknowledge, entryOf, extend, type QueueDeps, refuse } from './queue-acts.ts'
import { findQueued, listRequests, type Queued, readBeside } from './queue-rows.ts'
import { clockView, summaryOf, viewOf } from './queue-view.ts'
import type { Right } from './request.ts'
import { subjectsOf } from './rows.ts'

/** The officers' queue, as the HTTP edge is given it. */
export function createRequestQueue(deps: QueueDeps): RequestQueueApi {
  const acted = async (work: Promise<void>, id: string): Promise<JsonObject> => {
    await work
    deps.acted()
    return view(deps, await required(deps, id))
  }
  return {
    list: ({ by, ...filter }) => list(deps, by, filter),
    show: ({ by, id }) => show(deps, by, id),
    open: ({ by, id, caseId }) => openContent(deps, by, { id, caseId }),
    accept: (input) => acted(accept(deps, input), input.id),
    refuse: (input) => acted(refuse(deps, input), input.id),
    extend: (input) => acted(extend(deps, input), input.id),
    acknowledge: (input) => acted(acknowledge(deps, input), input.id),
    whatIf: ({ receivedAt, right }) => whatIf(receivedAt, right as Right), // of the route's own enumeration
  }
}

async function list(deps: QueueDeps, by: By, filter: RequestFilter): Promise<JsonObject> {
  await deps.audit.append(entryOf(by, { action: 'request.list', outcome: 'released' }))
  const now = deps.now()
  const found = await listRequests(deps.db, { ...filter, limit: filter.limit + 1 }, now)
  const page = found.slice(0, filter.limit)
  return {
    requests: page.map((one) => summaryOf(one, now)),
    next: found.length > filter.limit ? String(page.at(-1)!.number) : null,
  }
}

async function show(deps: QueueDeps, by: By, id: string): Promise<JsonObject> {
  const request = await required(deps, id)
  const more = { right: request.right }
  await deps.audit.append(entryOf(by, { id, action: 'request.show', outcome: 'released', more }))
  return view(deps, request)
}

/** Law 6: whose words they are stands in the entry before they are read. */
async function openContent(
  deps: QueueDeps,
  by: By,
  { id, caseId }: { readonly id: string; readonly caseId: string },
): Promise<JsonObject> {
  const { right } = await required(deps, id)
  const about = (await subjectsOf(deps.db, id)).map((subject) => ({ subject }))
  const more = { right }
  await deps.audit.append(entryOf(by, { id, action: 'request.open', caseId, outcome: 'released', more, about }))
  return withActiveEpoch(deps.keyring, async () => {
    const changes = await readContent(deps.db, deps.keyring, id, 'changes')
    const words = await readContent(deps.db, deps.keyring, id, 'words')
    return { changes: changes === undefined ? null : changes.map((one) => ({ ...one })), words: words ?? null }
  })
}

async function view(deps: QueueDeps, request: Queued): Promise<JsonObject> {
  return viewOf(request, await readBeside(deps.db, request.id), deps.now())
}

async function required({ db }: QueueDeps, id: string): Promise<Queued> {
  const request = await findQueued(db, id)
  if (request === undefined) throw new AppError('not-found', 'No request has this id.')
  return request
}

function whatIf(receivedAt: number, right: Right): JsonObject {
  const regimes = [...dueUnderAll(receivedAt, right)].map(([regime, due]) => ({
    regime,
    targetAt: new Date(due.targetAt).toISOString(),
    legalDueAt: due.legalDueAt === undefined ? null : new Date(due.legalDueAt).toISOString(),
    acknowledgeBy: due.acknowledgeBy === undefined ? null : new Date(due.acknowledgeBy).toISOString(),
    clocks: due.because.map(clockView),
  }))
  return { right, receivedAt: new Date(receivedAt).toISOString(), regimes }
}
