import { randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { makeStation, type Station } from '../support/gateway-process.ts'
import { openShop } from '../support/gateway-shop.ts'
import { until } from '../support/until.ts'

const stations: Station[] = []
afterEach(async () => {
  for (const station of stations.splice(0)) await station.remove()
})

test('weir access writes what is held of a person where nobody else reads it, beside a gateway that runs', async () => {
  const station = await makeStation()
  stations.push(station)
  const gateway = station.start()
  await gateway.answering()
  const shop = await openShop(station)
  await shop.choose(gateway, 'ann', true)
  expect(await shop.view(gateway, 'ann', 'of-ann')).toEqual(['accepted'])
  await until('it is delivered', async () => Object.keys(await shop.delivered()).length === 1)

  const folder = dirname(station.data.path)
  const [out, whom] = [join(folder, `copy-${randomUUID()}`), join(folder, `whom-${randomUUID()}.txt`)]
  await writeFile(whom, 'user_id=ann\n')
  const answer = await station.weir('access', '--identifier-file', whom, '--case', 'DSR-7', '--out', out)
  expect(answer).toMatchObject({ dir: out, counts: { 'weir.subject': 1, 'weir.recipient': 0, 'weir.event_log': 1 } })
  const files = await readdir(out)
  expect(answer.files).toEqual(expect.arrayContaining(files))
  expect(files).toEqual(
    expect.arrayContaining(['README.txt', 'access.html', 'access.json', 'access-1.schema.json', 'events.csv']),
  )
  expect(((await stat(out)).mode & 0o777).toString(8)).toBe('700')
  for (const name of files) expect(((await stat(join(out, name))).mode & 0o777).toString(8)).toBe('600')
  const document = JSON.parse(await readFile(join(out, 'access.json'), 'utf8')) as Copy
  expect(document.you.identifiers).toEqual([{ of: 'user-1', type: 'user_id', value: 'ann' }])
  expect(document.events.map(({ event }) => event)).toEqual(['Product Viewed'])
  expect(document.accesses.at(-1)).toMatchObject({ by: 'cli', action: 'access.export' })
  expect(JSON.stringify(answer)).not.toContain('ann')

  await expect(station.weir('access', '--identifier', 'user_id=ann', '--out', out)).rejects.toThrow('empty folder')
  const nobody = join(folder, `copy-${randomUUID()}`)
  await mkdir(nobody, { mode: 0o755 })
  const none = await station.weir('access', '--identifier', 'user_id=nobody', '--out', nobody)
  expect(none).toMatchObject({ counts: { 'weir.subject': 0 } })
  expect(((await stat(nobody)).mode & 0o777).toString(8)).toBe('700')
  expect(await gateway.stop()).toBe(0)
})

interface Copy {
  readonly you: { readonly identifiers: readonly object[] }
  readonly events: readonly { readonly event: string }[]
  readonly accesses: readonly object[]
}
