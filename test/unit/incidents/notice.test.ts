import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Incident } from '../../../src/incidents/incident.ts'
import { draftNotice, type NoticeKind } from '../../../src/incidents/notice.ts'
import { LAWS } from '../../../src/policy/compiled.ts'

const counts: Incident['events'][0]['counts'] & object = {
  people: 1234,
  subjects: 1500,
  classes: { behaviour: 1234, order: 700, sizes: 3 },
  places: {
    CN: { people: 1000, classes: { behaviour: 1000, order: 600 } },
    EEA: { people: 34, classes: { behaviour: 34, order: 30, sizes: 3 } },
    unknown: { people: 200, classes: { behaviour: 200, order: 70 } },
  },
  laws: { PIPL: { known: 1000, unknown: 200 }, GDPR: { known: 34, unknown: 200 }, CCPA: { known: 0, unknown: 200 } },
  records: 8_888,
  erased: { people: null, records: 7 },
  recordsSince: '2026-05-01T00:00:00.000Z',
}
const incident: Incident = {
  id: '00000000-0000-4000-8000-000000000001',
  number: 1n,
  scope: {
    kind: 'destination',
    target: 'attribution',
    from: Date.parse('2026-11-20T00:00:00Z'),
    to: undefined,
  },
  knownAt: Date.parse('2026-11-22T08:00:00Z'),
  caseId: 'INC-7',
  critical: false,
  highRisk: false,
  openedBy: 'cli',
  openedAt: 0,
  closedAt: undefined,
  events: [
    {
      seq: 1,
      at: 0,
      by: 'cli',
      kind: 'opened',
      law: undefined,
      whom: undefined,
      toldAt: undefined,
      counts,
      sealedNote: undefined,
    },
  ],
}
const facts = { incident, counts, laws: LAWS, now: Date.parse('2026-11-22T09:00:00Z') }
const kinds = LAWS.flatMap((law) =>
  (['authority', 'people'] as const).flatMap((to) =>
    (['zh-CN', 'en'] as const).map((lang): NoticeKind => ({ law, to, lang })),
  ),
)

describe.each(kinds)('$law to $to in $lang', (kind) => {
  const text = draftNotice(facts, kind)

  test('is word for word the draft that was reviewed', async () => {
    const name = `${kind.law}-${kind.to}-${kind.lang}.txt`
    await expect(text).toMatchFileSnapshot(join(import.meta.dirname, '..', '..', 'golden', 'incident-notices', name))
  })

  test('says that it is a draft, has blanks for people, and no word that is undefined', () => {
    expect(text).toMatch(kind.lang === 'en' ? /^DRAFT\. Not sent\./m : /^草稿，尚未发送。/m)
    expect(text.match(/\[… [^\]]+\]/g)?.length).toBeGreaterThan(3)
    expect(text).not.toMatch(/undefined|null|NaN|\[object/)
  })

  test('gives numbers to the authority and none to people', () => {
    const { known, unknown } = counts.laws[kind.law]!
    const line = text.split('\n').find((one) => /^(People: \d|人数：)/.test(one))
    if (kind.to === 'people') expect([line, /\d{3,} (people|人)/.test(text)]).toEqual([undefined, false])
    else expect(line?.match(/\d+/g)?.map(Number)).toEqual([known, unknown])
  })
})
