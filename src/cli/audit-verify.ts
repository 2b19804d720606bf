import type { Command } from 'commander'
import { resultDocument, resultText } from '../audit/describe-result.ts'
import { writeFolder } from '../audit/export-folder.ts'
import { readNotes } from '../audit/read-files.ts'
import type { ShardSource } from '../audit/shard-source.ts'
import { openFolder } from '../audit/verify-folder.ts'
import { verifyLog } from '../audit/verify-log.ts'
import { addTrust, collect, readable, readably, readTrust, type Trust } from './audit-trust.ts'
import { answer, type CommonOptions, example, showProgress } from './output.ts'

/** Hands the shards of the log in the database to `use`, all from one snapshot, and closes what it opened. */
export type WithLog = <T>(use: (shards: readonly ShardSource[]) => Promise<T>) => Promise<T>

const WEIR = 'npm run -s weir -- audit'

/** `weir audit verify`: the whole log, in the database or in an exported folder. */
export function registerVerify(verify: Command, withLog: WithLog): void {
  verify.description('check every entry, hash and signed checkpoint of the audit log')
  verify.option('--export <dir>', 'an exported folder; without it the log in the database')
  addTrust(verify)
  verify.option('--known <file>', 'checkpoints that you kept from before', collect)
  verify.addHelpText('after', example(`${WEIR} verify`, `${WEIR} verify --export /media/audit --known kept.txt --json`))
  verify.action(async (options: CommonOptions & Trust & { export?: string; known?: string[] }) => {
    const trust = readTrust(options)
    const known: string[] = []
    for (const file of options.known ?? []) for await (const note of readable(readNotes(file))) known.push(note)
    const check = async (shards: readonly ShardSource[]): Promise<void> => {
      const total = Number(shards.reduce((sum, { size = 0n }) => sum + size, 0n))
      const show = showProgress('verified')
      const result = await verifyLog(shards, { ...trust, known, onProgress: (entries) => show(entries, total) })
      if (!result.ok) process.exitCode = 1
      answer(options, resultDocument(result), resultText(result))
    }
    if (options.export === undefined) await withLog(check)
    else await check(await readably(openFolder(options.export)))
  })
}

/** `weir audit export`: the whole log with its verifier, for somebody who trusts nobody here. */
export function registerExport(command: Command, withLog: WithLog): void {
  command.description('write the audit log, with a verifier that needs nothing else, into a new folder')
  command.argument('<dir>', 'new folder')
  command.addHelpText('after', example(`${WEIR} export /media/audit-2026`))
  command.action((dir: string, options: CommonOptions) =>
    withLog(async (shards) => {
      const total = Number(shards.reduce((sum, { size = 0n }) => sum + size, 0n))
      const show = showProgress('written')
      const made = await writeFolder(dir, shards, (entries) => show(entries, total))
      const listed = made.shards.map(({ origin, path, size }) => ({ origin, path, size: Number(size) }))
      const text = `Wrote ${made.size} entries into ${dir}. Check them with node ${dir}/verify.mjs, on whatever machine.`
      answer(options, { folder: dir, size: Number(made.size), shards: listed }, text)
    }),
  )
}
