import type { Tx } from '../db/pool.ts'
import type { SubjectId } from '../event/ids.ts'
import { openIdentifiers } from '../identity/identifiers.ts'
import type { Keyring } from '../keys/keyring.ts'
import type { Law } from '../policy/compiled.ts'
import type { ClassBits } from './classes.ts'
import type { Group } from './incident.ts'
import { lawOf, type Place, placeOfPhone } from './places.ts'

/** People whose place a phone number on file gives. */
export interface Located {
  /** With any place at all; a person with two counts once. */
  readonly located: Group
  readonly places: Readonly<Partial<Record<Place, Group>>>
  readonly laws: Readonly<Partial<Record<Law, number>>>
}

interface Sum {
  people: number
  readonly bits: Map<bigint, number>
}

const AT_ONCE = 500

/**
 * Opens the phone numbers of the people that were found, some hundreds at a time, and adds up the countries that they
 * give. No number is kept, shown or written; which person is where is forgotten with the batch.
 */
export async function locatePeople(tx: Tx, keyring: Keyring, classes: ClassBits): Promise<Located> {
  const located = newSum()
  const places = new Map<Place, Sum>()
  const laws = new Map<Law, number>()
  for (let after = NOBODY; ; ) {
    const { people, last } = await placesOfBatch(tx, keyring, after)
    for (const { mask, found } of people) {
      add(located, mask)
      for (const place of found) {
        const sum = places.get(place) ?? newSum()
        add(sum, mask)
        places.set(place, sum)
      }
      for (const law of new Set([...found].flatMap((place) => lawOf(place) ?? []))) {
        laws.set(law, (laws.get(law) ?? 0) + 1)
      }
    }
    if (last === undefined) break
    after = last
  }
  return {
    located: groupOf(located, classes),
    places: Object.fromEntries([...places].map(([place, sum]) => [place, groupOf(sum, classes)])),
    laws: Object.fromEntries(laws),
  }
}

const NOBODY = '00000000-0000-0000-0000-000000000000'

interface Batch {
  readonly people: readonly { readonly mask: bigint; readonly found: ReadonlySet<Place> }[]
  /** Where the next batch goes on; undefined at the end. */
  readonly last: string | undefined
}

interface PhoneRow {
  readonly person: string
  readonly mask: bigint
  readonly subject: SubjectId | null
  readonly key: Buffer
  readonly sealed: Buffer
}

/** Of some hundreds of people, those with a place. */
async function placesOfBatch(tx: Tx, keyring: Keyring, after: string): Promise<Batch> {
  const { rows } = await tx.$client.query<PhoneRow>(
    `select p.person, p.mask, i.subject_id as subject, i.index_key as key, i.sealed
     from (select person, mask from incident_person where person > $1::uuid order by person limit ${AT_ONCE}) p
     left join lateral (
       select distinct on (n.identifier_id) n.subject_id, n.index_key, n.sealed from weir.identifier n
       where n.type = 'phone' and n.subject_id in (
         select p.person union all
         select l.device_id from weir.link l where l.user_id = p.person and l.state = 'confirmed' and l.ended_at is null)
       order by n.identifier_id, n.index_version desc) i on true
     order by p.person`,
    [after],
  )
  const phones = rows.flatMap((row) => (row.subject === null ? [] : [{ ...row, subject: row.subject }]))
  const opened = await openIdentifiers(tx, keyring, phones)
  const byPerson = new Map<string, { mask: bigint; found: Set<Place> }>()
  for (const [i, { person, mask }] of phones.entries()) {
    const value = opened[i]
    const place = value === undefined ? undefined : placeOfPhone(value)
    if (place === undefined) continue
    const known = byPerson.get(person) ?? { mask, found: new Set<Place>() }
    known.found.add(place)
    byPerson.set(person, known)
  }
  const seen = new Set(rows.map((row) => row.person)).size
  return { people: [...byPerson.values()], last: seen < AT_ONCE ? undefined : rows.at(-1)!.person }
}

function newSum(): Sum {
  return { people: 0, bits: new Map() }
}

function add(sum: Sum, mask: bigint): void {
  sum.people++
  sum.bits.set(mask, (sum.bits.get(mask) ?? 0) + 1) // few masks: as many as there are sets of routes
}

function groupOf({ people, bits }: Sum, all: ClassBits): Group {
  const classes = all.names.flatMap((name): [string, number][] => {
    const own = all.bit(name)
    const n = [...bits].reduce((total, [mask, count]) => total + ((mask & own) === 0n ? 0 : count), 0)
    return n === 0 ? [] : [[name, n]]
  })
  return { people, classes: Object.fromEntries(classes) }
}
