import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Db, openPool } from '../../../src/db/pool.ts'
import { transaction } from '../../../src/db/transaction.ts'
import { eraseNow } from '../../../src/rights/erasure/now.ts'
import { subjectsBehind } from '../../../src/rights/people.ts'
import type { Needles } from '../../../src/rights/request.ts'
import { tableOfFile } from '../../../src/rights/scan/clean-files.ts'
import { scanFiles } from '../../../src/rights/scan/files.ts'
import { type FilesJobDeps, scanErasedFiles } from '../../../src/rights/scan/files-job.ts'
import { needlesOf } from '../../../src/rights/scan/needles.ts'
import { makeMarkers } from '../../support/leaks.ts'
import { createTestApp, newDevice, order, type TestApp, track } from '../../support/test-app.ts'

describe('the search of files', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weir-files-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  async function kindsIn(content: Buffer | string, needles: Needles): Promise<string[]> {
    const file = join(folder, 'one')
    await writeFile(file, content)
    return (await scanFiles([file], needles)).hits.map(({ kind }) => kind)
  }
  const raw = (...values: string[]): Needles => ({ raw: values, keyed: [] })
  const keyed = (...values: string[]): Needles => ({ raw: [], keyed: values })

  test('finds text and bytes, wherever in the file they stand, across the pieces in which it is read', async () => {
    const id = '01234567-89ab-4def-8123-456789abcdef'
    const bytes = Buffer.from(id.replaceAll('-', ''), 'hex')
    for (const at of [0, 1, 4 * 1024 * 1024 - 8, 4 * 1024 * 1024 - 1, 4 * 1024 * 1024, 9_000_000]) {
      const content = Buffer.concat([Buffer.alloc(at, 0x41), bytes, Buffer.alloc(3)])
      expect(await kindsIn(content, keyed(id)), String(at)).toEqual(['keyed'])
    }
    expect(await kindsIn(`… ${id} …`, keyed(id))).toEqual(['keyed'])
    expect(await kindsIn('a line of leakmark-of-ann.', raw('leakmark-of-ann'))).toEqual(['raw'])
    expect(await kindsIn(Buffer.alloc(0), raw('leakmark-of-ann'))).toEqual([])
  })

  test('takes a short one for found only where it stands alone, and one that is too short never', async () => {
    expect(await kindsIn('user-42, user-43', raw('user-42'))).toEqual(['raw'])
    expect(await kindsIn('user-421 xuser-42', raw('user-42'))).toEqual([])
    expect(await kindsIn('1 2 3', raw('1'))).toEqual([])
  })

  test('goes through folders, passes over what is gone, and says how far it is', async () => {
    await writeFile(join(folder, 'two'), 'nothing')
    const seen: number[] = []
    const found = await scanFiles([folder, join(folder, 'gone')], raw('leakmark'), {
      progress: (done, of) => seen.push(done / of),
    })
    expect(found).toMatchObject({ files: 2, hits: [] })
    expect(seen.at(-1)).toBe(1)
  })
})

describe('the files of the cluster', () => {
  const markers = makeMarkers()
  const user = markers.text('user')
  const device = newDevice()
  const identifiers = [{ type: 'user_id', value: user, verified: true }] as const
  let weir: TestApp
  let superuser: Db
  let cluster: string
  let needles: Needles
  let deps: FilesJobDeps

  beforeAll(async () => {
    weir = await createTestApp()
    superuser = openPool({ url: weir.database.superuserUrl, max: 1 })
    const { rows } = await superuser.$client.query<{ data_directory: string }>('show data_directory')
    cluster = dirname(rows[0]!.data_directory) // Postgres' own log lies beside it
    deps = { ...weir.app.rights.deps, superuser, paths: [cluster] }
    await weir.grant(user, 'attribution', 'personalisation')
    await weir.grant('somebody-who-stays', 'personalisation')
    await weir.server.post('/v1/consent', {
      userId: user,
      ...device,
      choices: { personalisation: true, attribution: true },
    })
    for (let i = 0; i < 20; i++) {
      await weir.send(
        { ...track(user, 'Product Viewed', { product_id: `p-${i}` }), ...device },
        order('somebody-who-stays', `o-${i}`, ['p-1']),
      )
    }
    await weir.send(order(user, 'O-1', ['p-1', 'p-2']))
    await weir.settle()
    const { db, keyring, holders } = weir.app.rights.deps
    const subjects = await subjectsBehind(db, keyring, identifiers)
    needles = await transaction(db, (tx) => needlesOf(tx, { keyring, holders: holders() }, { subjects, identifiers }))
  })
  afterAll(async () => {
    await superuser?.$client.end()
    await weir?.stop()
  })

  /** Tables of this database whose files hold something, and files that are no table's. */
  async function whereKeyed(): Promise<string[]> {
    await superuser.$client.query('checkpoint')
    const found = await scanFiles([cluster], needles)
    expect(found.hits.filter(({ kind }) => kind === 'raw')).toEqual([]) // at any time
    const places = await Promise.all(
      found.hits.map(
        async ({ path }) =>
          (await tableOfFile(superuser, path)) ?? path.slice(cluster.length).replace(/[0-9A-F]{24}/, '…'),
      ),
    )
    return [...new Set(places)].sort()
  }

  test('hold the bytes of a deleted row until it is cleaned up after it, and not any more then', {
    timeout: 300_000,
  }, async () => {
    const before = await whereKeyed()
    expect(before).toEqual(
      expect.arrayContaining([
        'weir.subject',
        'weir.identifier',
        'weir.link',
        'recommendation.view',
        '/cluster/pg_wal/…',
      ]),
    )

    await eraseNow(weir.app.rights.deps, { identifiers, caseId: 'DSR-1', regime: 'GDPR', language: 'en' })
    const deleted = await whereKeyed()
    expect(deleted).toEqual(expect.arrayContaining(['weir.subject', '/cluster/pg_wal/…'])) // no row any more, and still there

    const kept = await scanErasedFiles(deps) // vacuum alone gives the place back, and leaves the bytes in the pages
    expect(kept.erasures).toBe(0)
    expect(kept.left.every(({ kind }) => kind === 'keyed')).toBe(true)
    expect(kept.left.map(({ where }) => where)).not.toContain('/cluster/pg_wal/…')
    expect(await scannedAt()).toEqual([null])

    const done = await scanErasedFiles(deps, { full: true })
    expect(done).toMatchObject({ erasures: 1, left: [] })
    expect(done.files).toBeGreaterThan(500)
    expect(await whereKeyed()).toEqual([])
    expect(await scannedAt()).toEqual([expect.any(Date)])
    console.log(`law 5: searched ${done.files} files, ${Math.round(done.bytes / 1e6)} MB`)

    const { rows } = await weir.owner.$client.query(`select count(*)::integer as n from weir.sealed`)
    expect(rows[0].n).toBeGreaterThan(10) // of who stays everything is there
    expect(await scanErasedFiles(deps)).toMatchObject({ erasures: 0, files: 0 }) // nothing to do twice
    expect((await weir.entries('scan.files')).length).toBe(1)
  })

  async function scannedAt(): Promise<unknown[]> {
    const { rows } = await weir.owner.$client.query('select files_scanned_at from weir.erasure')
    return rows.map((row) => row.files_scanned_at)
  }
})
