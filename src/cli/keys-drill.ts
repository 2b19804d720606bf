import { randomBytes } from 'node:crypto'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { readConfig } from '../config.ts'
import { removeData, startEmbedded } from '../db/embedded.ts'
import { type Db, openPool } from '../db/pool.ts'
import { restore } from '../db/restore.ts'
import { transaction } from '../db/transaction.ts'
import { AppError } from '../errors.ts'
import { type SubjectId, subjectId } from '../event/ids.ts'
import { restoreKeys } from '../keys/backup.ts'
import { type Keyring, openKeyring } from '../keys/keyring.ts'
import { createKeyset, openFileProvider } from '../keys/providers/file.ts'
import { loadSubjectKeys } from '../keys/subject-keys.ts'
import { keyVersionOf, openBlob } from '../pipeline/protect-event.ts'
import { addOpening, type Opening, openWith } from './keys-opening.ts'
import { answer, type CommonOptions, commandLog, example, showProgress } from './output.ts'

export interface DrillResult {
  /** Keys that the copy had for this database. */
  readonly keys: number
  /** Keys of the database that the copy had not. */
  readonly missing: readonly string[]
  /** Sealed records that were tried, and that opened. */
  readonly tried: number
  readonly opened: number
}

const SAMPLE = 500

/** weir keys drill: restores a backup of the database and a copy of the keys together, in a place of its own. */
export function registerDrill(drill: Command): void {
  drill.description('restore a backup of the database and a copy of the keys in a temporary place, and try what opens')
  addOpening(
    drill
      .requiredOption('--dump <dir>', 'what weir backup made')
      .requiredOption('--keys <file>', 'what weir keys backup made'),
  )
  drill.addHelpText('after', '\nTouches neither the running database nor its keys. Needs as much space as the backup.')
  drill.addHelpText(
    'after',
    example(
      'npm run -s weir -- keys drill --dump /srv/backups/2026-01-31 --keys /media/safe/keys.json --passphrase-file /etc/weir/recovery',
    ),
  )
  drill.action(async (options: CommonOptions & Opening & { dump: string; keys: string }) => {
    const { config } = readConfig()
    const log = commandLog(config.log.level)
    await untilSignal(async (stopped) => {
      const folder = await mkdtemp(join(tmpdir(), 'weir-drill-'))
      const shown = showProgress('restore')
      const progress = (done: number, total: number): void => {
        stopped.throwIfAborted()
        shown(done, total)
      }
      try {
        await restore({ from: resolve(options.dump), dataDir: folder, log, progress })
        stopped.throwIfAborted()
        const embedded = await startEmbedded({ dataDir: folder, log })
        const db = openPool({ url: embedded.ownerUrl, max: 2, applicationName: 'weir-drill' })
        try {
          report(options, await tryOut(db, folder, options))
        } finally {
          await db.$client.end()
          await embedded.stop()
        }
      } finally {
        await removeData(folder)
      }
    })
  })
}

const SIGNALS = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const

/**
 * Does work that looks at the signal between its parts: who stops a drill half-way must not leave a copy of the database
 * behind. A second signal ends it at once.
 */
async function untilSignal(work: (stopped: AbortSignal) => Promise<void>): Promise<void> {
  const stopping = new AbortController()
  const stop = (): void => stopping.abort(new AppError('conflict', 'the drill was stopped; its copy is removed'))
  for (const name of SIGNALS) process.once(name, stop)
  try {
    await work(stopping.signal)
  } finally {
    for (const name of SIGNALS) process.off(name, stop)
  }
}

function report(options: CommonOptions, result: DrillResult): void {
  const failed = result.missing.length > 0 || result.opened < result.tried
  if (failed) process.exitCode = 1
  const missing = result.missing.length === 0 ? '' : ` Not in the copy: ${result.missing.join(', ')}.`
  const verdict = failed ? 'They do NOT belong together.' : 'They belong together.'
  answer(
    options,
    result,
    `${verdict} ${result.keys} keys were put back, ${result.opened} of ${result.tried} sealed records opened.${missing}`,
  )
}

async function tryOut(db: Db, folder: string, options: Opening & { keys: string }): Promise<DrillResult> {
  const location = { path: join(folder, 'drill-keyset.json'), passphrase: randomBytes(32) }
  await createKeyset({ ...location, mode: 'development' })
  const provider = await openFileProvider(location)
  // Not below the folder as a data directory: nothing of the keys is written there but the keyset of this drill.
  const deps = { db, provider, now: Date.now, dataDir: folder }
  const compared = await restoreKeys(deps, options.keys, await openWith(options))
  if (compared.missing.length > 0) return { keys: compared.same.length, missing: compared.missing, tried: 0, opened: 0 }
  const keyring = await openKeyring(db, provider)
  return { keys: compared.same.length, missing: [], ...(await openSample(db, keyring)) }
}

interface SampleRow {
  readonly subject_id: string
  readonly name: string
  readonly event_key: Buffer
  readonly bytes: Buffer
}

async function openSample(db: Db, keyring: Keyring): Promise<{ tried: number; opened: number }> {
  return transaction(db, async (tx) => {
    const { rows } = await tx.$client.query<SampleRow>(
      `select s.subject_id, c.name, l.event_key, s.bytes from weir.sealed s
         join weir.event_log l on l.pos = s.pos join weir.field_class c on c.class_id = s.class_id
       order by s.pos desc limit $1`,
      [SAMPLE],
    )
    let opened = 0
    for (const row of rows) {
      const subject: SubjectId = subjectId(row.subject_id)
      const wanted = [{ subject, keyVersion: keyVersionOf(row.bytes) }]
      try {
        const keys = (await loadSubjectKeys(tx, keyring, wanted)).get(subject)
        if (keys === undefined) continue
        openBlob(keys, { subject, className: row.name, eventKey: row.event_key }, row.bytes)
        opened++
      } catch {
        // counted as one that does not open
      }
    }
    return { tried: rows.length, opened }
  })
}
