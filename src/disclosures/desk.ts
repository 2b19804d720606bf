import type { JsonObject } from '../event/event.ts'
import type { Asked, DisclosuresApi } from '../http/disclosures-api.ts'
import { atMost } from '../pipeline/at-most.ts'
import { ask } from './ask.ts'
import { approve, refuse } from './decide.ts'
import type { DisclosureDeps } from './deps.ts'
import { readData } from './read.ts'
import { review } from './review.ts'
import { readDisclosure } from './rows.ts'
import { listDisclosures, showDisclosure, viewOf } from './show.ts'

const SEARCHES = 2 // each computes the pseudonyms of everybody
// Each holds a connection while its attempt is counted over a second one: as many at once as the pool has would wait for
// each other, and everybody else for them.
const APPROVALS = 3

/** Break-glass, as the HTTP edge is given it. */
export function createDisclosures(deps: DisclosureDeps): DisclosuresApi {
  const view = async (id: string): Promise<JsonObject> => viewOf(await readDisclosure(deps.db, id), deps.now())
  const search = atMost(SEARCHES, ({ officer, asked }: { officer: string; asked: Asked }) =>
    ask(deps, { officer }, asked),
  )
  const approving = atMost(APPROVALS, (input: Parameters<DisclosuresApi['approve']>[0]) => approve(deps, input))
  return {
    ask: async (input) => {
      const seldom = input.asked.kind === 'reidentify' || input.asked.kind === 'translate'
      return view(await (seldom ? search(input) : ask(deps, input, input.asked)))
    },
    list: ({ officer, ...list }) => listDisclosures(deps, { officer }, list),
    show: ({ officer, id }) => showDisclosure(deps, { officer }, id),
    async approve(input) {
      await approving(input)
      return view(input.id)
    },
    async refuse(input) {
      await refuse(deps, input)
      return view(input.id)
    },
    async review(input) {
      await review(deps, input)
      return view(input.id)
    },
    data: ({ officer, id }) => readData(deps, { officer }, id),
  }
}
