import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { withLog } from '../audit/database-source.ts'
import { createAudit } from '../audit/log.ts'
import { proveEntry } from '../audit/prove-entry.ts'
import { AppError } from '../errors.ts'
import { createPolicyShelf } from '../pipeline/policy-shelf.ts'
import { drawSample } from '../pipeline/sample.ts'
import { registerVerifyReceipt } from './audit-receipt.ts'
import { registerExport, registerVerify, type WithLog } from './audit-verify.ts'
import { registerWitness } from './audit-witness.ts'
import { answer, type CommonOptions, columns, example } from './output.ts'
import { withOwnerDatabase } from './owner-database.ts'
import { withKeys } from './with-keys.ts'

const WEIR = 'npm run -s weir -- audit'

/** `weir audit`: what an auditor, or whoever helps one, does with the log. */
export function register(command: Command): void {
  const fromDatabase: WithLog = (use) => withOwnerDatabase((db) => withLog(db, use))
  registerVerify(command.command('verify'), fromDatabase)
  registerExport(command.command('export'), fromDatabase)
  registerProve(command.command('prove'))
  registerVerifyReceipt(command.command('verify-receipt'), fromDatabase)
  registerSample(command.command('sample'))
  registerReopen(command.command('reopen'))
  registerWitness(command.command('witness'))
}

function registerProve(prove: Command): void {
  prove.description('write the receipt of one entry, to be checked without us (C2SP tlog-proof@v1)')
  prove.argument('<index>', 'of the entry, as the API and the export show it')
  prove.option('--out <file>', 'where to; without it on stdout')
  prove.addHelpText('after', example(`${WEIR} prove 5 --out entry-5.tlog-proof`))
  prove.action(async (index: string, options: CommonOptions & { out?: string }) => {
    if (!/^(0|[1-9]\d{0,17})$/.test(index)) throw new AppError('invalid', 'an index is a whole number from 0')
    const receipt = await withOwnerDatabase((db) => proveEntry(db, BigInt(index)))
    if (options.out !== undefined) await writeFile(options.out, receipt, { flag: 'wx' })
    const document = { index: Number(index), ...(options.out === undefined ? { receipt } : { file: options.out }) }
    answer(options, document, options.out === undefined ? receipt.trimEnd() : `Wrote ${options.out}.`)
  })
}

interface SampleOptions extends CommonOptions {
  readonly n: string
  readonly seed: string
  readonly from?: string
  readonly to?: string
}

function registerSample(sample: Command): void {
  sample.description('draw a random sample of decisions by a seed: how each was made, without values')
  sample.requiredOption(
    '--seed <seed>',
    'letters, digits, dots, hyphens, underscores; the same one draws the same again',
  )
  sample.option('--n <n>', 'how many, 1 to 500', '60')
  sample.option('--from <position>', 'first position of the log')
  sample.option('--to <position>', 'last position of the log')
  sample.addHelpText('after', '\nEvery draw is entered in the audit log, about everybody who is in it.')
  sample.addHelpText('after', example(`${WEIR} sample --n 60 --seed q4-2026 --json`))
  sample.action(async (options: SampleOptions) => {
    const query = readSample(options)
    const drawn = await withKeys(async (context) => {
      const { db } = context
      const keyring = await context.openKeyring()
      const { rows } = await db.$client.query<{ class_id: number; name: string }>(
        'select class_id, name from weir.field_class',
      )
      const classNames = new Map(rows.map((row) => [row.class_id, row.name]))
      const audit = createAudit({ db, keyring, now: Date.now, catchUp: async () => undefined })
      return drawSample({ db, keyring, policies: createPolicyShelf(), classNames, audit }, { ...query, actor: 'cli' })
    })
    const decisions = drawn.decisions as unknown as Drawn[]
    const lines = decisions.map((one) => [
      String(one.position),
      one.day,
      one.event,
      one.outcome,
      one.destinations.flatMap(({ destination, permitted }) => (permitted ? [destination] : [])).join(' ') || '-',
      String(one.fields.length),
    ])
    const table = columns(['POSITION', 'DAY', 'EVENT', 'OUTCOME', 'OPEN TO', 'FIELDS KEPT'], lines)
    answer(options, drawn, decisions.length === 0 ? 'There is no decision in this range.' : table)
  })
}

interface Drawn {
  readonly position: number
  readonly day: string
  readonly event: string
  readonly outcome: string
  readonly destinations: readonly { readonly destination: string; readonly permitted: boolean }[]
  readonly fields: readonly object[]
}

function readSample({ n, seed, from, to }: SampleOptions): { n: number; seed: string; from?: bigint; to?: bigint } {
  const count = Number(n)
  if (!/^\d{1,3}$/.test(n) || count < 1 || count > 500) throw new AppError('invalid', '--n is a number from 1 to 500')
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(seed)) {
    throw new AppError('invalid', '--seed takes letters, digits, dots, hyphens and underscores, at most 64')
  }
  const position = (name: string, text: string): bigint => {
    if (!/^\d{1,15}$/.test(text)) throw new AppError('invalid', `--${name} is a position of the log: a whole number`)
    return BigInt(text)
  }
  return {
    n: count,
    seed,
    ...(from === undefined ? {} : { from: position('from', from) }),
    ...(to === undefined ? {} : { to: position('to', to) }),
  }
}

function registerReopen(reopen: Command): void {
  reopen.description('go on under a new origin, after the log was set back or damaged; what is there stays as it is')
  reopen.addHelpText(
    'after',
    '\nweir restore does it by itself. Witnesses that saw more, or something else, keep their evidence: tell the auditor.',
  )
  reopen.addHelpText('after', example(`${WEIR} reopen`))
  reopen.action(async (options: CommonOptions) => {
    await withOwnerDatabase((db) => db.$client.query(`insert into weir.audit_break (reason) values ('reopen')`))
    answer(options, { reopened: true }, 'The next entry opens a new shard, under an origin of its own.')
  })
}
