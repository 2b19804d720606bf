import { parseArgs } from 'node:util'
import { resultDocument, resultText } from '../audit/describe-result.ts'
import { FormatError } from '../audit/format-error.ts'
import { readNotes } from '../audit/read-files.ts'
import { parseVerifierKey } from '../audit/verifier-key.ts'
import { openFolder } from '../audit/verify-folder.ts'
import { verifyLog } from '../audit/verify-log.ts'

const USAGE = `node verify.mjs [--json] [--key VKEY]... [--witness VKEY]... [--known FILE]... [FOLDER]

Checks an exported audit log: every entry, hash and signed checkpoint. README.txt says more.
`

/**
 * The verifier that travels with an exported folder: it is shipped as plain JavaScript and imports nothing of Weir but
 * the formats. Resolves with the exit code: 0 whole, 1 something was found, 2 bad usage.
 */
export async function main(args: readonly string[], ownFolder: string): Promise<number> {
  const options = readOptions(args)
  if (options === undefined || options.values.help === true) {
    process.stderr.write(USAGE)
    return options === undefined ? 2 : 0
  }
  const { json, key, witness = [], known = [] } = options.values
  try {
    const keys = key?.map(parseVerifierKey)
    const witnesses = witness.map(parseVerifierKey)
    const notes: string[] = []
    for (const file of known) for await (const note of readNotes(file)) notes.push(note)
    const shards = await openFolder(options.positionals[0] ?? ownFolder)
    const result = await verifyLog(shards, { ...(keys === undefined ? {} : { keys }), witnesses, known: notes })
    process.stdout.write(`${json === true ? JSON.stringify(resultDocument(result)) : resultText(result)}\n`)
    return result.ok ? 0 : 1
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    if (json === true) process.stdout.write(`${JSON.stringify({ ok: false, error: error.message })}\n`)
    process.stderr.write(`verify: ${error.message}\n`)
    return 1
  }
}

function readOptions(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        json: { type: 'boolean' },
        help: { type: 'boolean' },
        key: { type: 'string', multiple: true },
        witness: { type: 'string', multiple: true },
        known: { type: 'string', multiple: true },
      },
    })
  } catch {
    return undefined // an option that there is not
  }
}
