import { realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { findEmbedded } from '../db/embedded.ts'
import { openPool } from '../db/pool.ts'
import { AppError } from '../errors.ts'
import { reissueReceipt } from '../rights/erasure/receipt.ts'
import { findRequest } from '../rights/rows.ts'
import { type FilesJob, scanErasedFiles } from '../rights/scan/files-job.ts'
import { answer, type CommonOptions, columns, showProgress } from './output.ts'
import { withRights } from './with-rights.ts'

/** `weir scan --files`: what was erased is gone from the files of the embedded database, too. */
export async function scanFilesNow(options: CommonOptions & { readonly full?: boolean }): Promise<void> {
  await withRights(async ({ config, rights }) => {
    if (config.database === 'server') {
      const message =
        'the files of the database of DATABASE_URL are out of reach: vacuum there, and search them on that machine'
      throw new AppError('conflict', message, { code: 'files-out-of-reach' })
    }
    const urls = await findEmbedded(config.dataDir)
    if (urls === undefined) throw new AppError('conflict', 'the embedded database does not run')
    const superuser = openPool({
      url: urls.superuserUrl.replace(/\/[^/]*$/, '/weir'),
      max: 1,
      applicationName: 'weir-files',
    })
    try {
      const show = { vacuum: showProgress('cleaning'), search: showProgress('searching') }
      const done = await scanErasedFiles(
        { ...rights, superuser, paths: await placesOf(config.dataDir, config.rights.ledger) },
        { full: options.full === true, progress: (what, at, of) => show[what](at, of) },
      )
      if (done.left.length > 0) process.exitCode = 1
      const at = new Date().toISOString()
      let receipts = 0
      for (const id of done.clean) {
        const request = await findRequest(rights.db, id)
        if (request === undefined) continue
        const receipt = await reissueReceipt(rights, request, { filesScan: { state: 'done', at } })
        if (receipt !== undefined) receipts++
      }
      const { clean: _, ...shown } = done
      answer(options, { ...shown, receipts }, textOf(done))
    } finally {
      await superuser.$client.end()
    }
  })
}

/** The data directory with all that is in it, the cluster where it lies elsewhere, and the ledger. */
async function placesOf(dataDir: string, ledger: string): Promise<string[]> {
  const home = await realpath(join(dataDir, 'postgres'))
  const isInside = dirname(home) === (await realpath(dataDir))
  return [dataDir, ...(isInside ? [] : [home]), ...(ledger.startsWith(dataDir) ? [] : [ledger])]
}

const LEFT: Readonly<Record<FilesJob['left'][number]['kind'], string>> = {
  raw: 'an identifier as it was given',
  keyed: 'a keyed number: an index value, a subject id or a pseudonym',
}

function textOf({ erasures, forgotten, files, bytes, left }: FilesJob): string {
  if (left.length > 0) {
    const rows = left.map(({ where, kind }) => [where, LEFT[kind]])
    return `${columns(['where', 'what is left'], rows)}\nBytes are left. weir scan --files --full rewrites these tables: they are locked for as long.`
  }
  const lost = forgotten === 0 ? '' : ` Of ${forgotten} earlier ones it is not kept any more what to look for.`
  if (erasures === 0) return `Nobody was erased since the files were last searched.${lost}`
  return `${erasures} erasures: nothing is left in ${files} files, ${Math.round(bytes / 1e6)} MB.${lost}`
}
