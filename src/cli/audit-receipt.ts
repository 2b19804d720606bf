import type { Command } from 'commander'
import { parseCheckpoint } from '../audit/checkpoint.ts'
import { FormatError } from '../audit/format-error.ts'
import { parseNote } from '../audit/note.ts'
import { readText, readWhole } from '../audit/read-files.ts'
import { type ProofPolicy, parseTlogProof, verifyTlogProof } from '../audit/tlog-proof.ts'
import { ED25519, parseVerifierKey, type VerifierKey, verifierKey } from '../audit/verifier-key.ts'
import { AppError } from '../errors.ts'
import { addTrust, readably, readTrust, type Trust } from './audit-trust.ts'
import type { WithLog } from './audit-verify.ts'
import { answer, type CommonOptions, example } from './output.ts'

/** `weir audit verify-receipt`: one entry's receipt, offline where the key is given. */
export function registerVerifyReceipt(command: Command, withLog: WithLog): void {
  command.description('check the receipt of an entry (C2SP tlog-proof@v1)')
  command.argument('<file>', 'the receipt, a .tlog-proof')
  addTrust(command)
  command.option('--quorum <n>', 'how many of the witnesses must have cosigned; without it all that are named', count)
  command.option('--entry <file>', 'the entry that it is to prove; without it the one that it carries')
  command.addHelpText('after', `\nWithout --key the key is taken from the database, which then must run.`)
  command.addHelpText(
    'after',
    example(`npm run -s weir -- audit verify-receipt entry-5.tlog-proof --key weir.example/audit/2026+…`),
  )
  command.action(async (file: string, options: CommonOptions & Trust & { quorum?: number; entry?: string }) => {
    const text = await readably(readText(file))
    const { keys, witnesses } = readTrust(options)
    const log = keys ?? (await withLog(async (shards) => shards.map(({ vkey }) => parseVerifierKey(vkey))))
    const entry =
      options.entry === undefined ? undefined : await readably(readWhole(options.entry, 'the entry', 65_535))
    const policy = { log: underNameOf(text, log), witnesses, quorum: options.quorum ?? witnesses.length }
    const found = describeReceipt(text, policy, entry)
    if (!found.ok) process.exitCode = 1
    answer(options, found, found.ok ? receiptText(found) : `The receipt proves nothing: ${found.outcome}.`)
  })
}

interface ReceiptDocument {
  readonly ok: boolean
  readonly outcome: string
  readonly origin?: string
  /** Within its shard. */
  readonly index?: number
  readonly size?: number
  readonly entry?: string
  readonly cosigned?: readonly { witness: string; at: string }[]
}

function describeReceipt(text: string, policy: ProofPolicy, entry?: Buffer): ReceiptDocument {
  const result = verifyTlogProof(text, policy, entry === undefined ? {} : { entry })
  if (result.outcome !== 'valid') return { ok: false, outcome: result.outcome }
  const { index, extra } = parseTlogProof(text)
  const { origin, size } = result.checkpoint
  const cosigned = result.cosigned.map(({ key, timestamp = 0 }) => ({
    witness: key.name,
    at: new Date(timestamp * 1000).toISOString(),
  }))
  const body = (entry ?? extra)!.toString('utf8')
  return { ok: true, outcome: 'valid', origin, index: Number(index), size: Number(size), entry: body, cosigned }
}

function receiptText({ origin, index, size, entry, cosigned = [] }: ReceiptDocument): string {
  const seen = cosigned.map(({ witness, at }) => `Seen by ${witness} at ${at}.`)
  return [`Entry ${index} of ${origin}, in the tree of ${size}:`, entry, ...seen].join('\n')
}

/** The log signs every year's shard under another name, with one key: a key that is trusted is under each of them. */
function underNameOf(text: string, keys: readonly VerifierKey[]): VerifierKey[] {
  try {
    const { origin } = parseCheckpoint(parseNote(parseTlogProof(text).note).text)
    return keys.map(({ publicKey }) => verifierKey(origin, publicKey, ED25519))
  } catch (error) {
    if (error instanceof FormatError) return [...keys] // malformed, as the check will say
    throw error
  }
}

function count(text: string): number {
  if (!/^\d{1,3}$/.test(text)) throw new AppError('invalid', '--quorum takes a small whole number', { code: 'usage' })
  return Number(text)
}
