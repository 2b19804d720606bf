import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { z } from 'zod'
import { AppError } from '../errors.ts'
import { type ReceiptCheck, verifyReceipt } from '../rights/verify-receipt.ts'
import { readKey } from './audit-trust.ts'
import { collect } from './identifier-option.ts'
import { answer, type CommonOptions, example } from './output.ts'

const WEIR = 'npm run -s weir -- verify-receipt'
const MAX_BYTES = 4_000_000

interface VerifyOptions extends CommonOptions {
  readonly jwks?: string
  readonly witness?: readonly string[]
  readonly salt?: string
  readonly identifier?: readonly string[]
}

const jwksSchema = z.object({ keys: z.array(z.unknown()) })
const pageSchema = z.object({ jws: z.string(), jwks: jwksSchema })

/** `weir verify-receipt`: checks the receipt of an erasure offline, from its file and keys alone. */
export function register(command: Command): void {
  command
    .argument('<file>', 'the receipt: its page, or the signed claims alone')
    .option('--jwks <file>', 'keys of who issued it, as its /.well-known/jwks.json had them; else those of the page')
    .option('--witness <vkey>', 'key of an outside witness of the log', collect)
    .option('--salt <code>', 'the check code that the person was told')
    .option('--identifier <value>', 'with --salt: an account, address or number that it should be of', collect)
    .addHelpText('after', '\nNeeds no network and no database. Exits with 1 where the receipt does not hold.')
    .addHelpText('after', example(`${WEIR} erasure-receipt.html --jwks jwks.json --json`))
    .action(async (file: string, options: VerifyOptions) => {
      const { jws, embedded } = readReceipt(await read(file))
      const jwks = options.jwks === undefined ? embedded : parseAs(jwksSchema, await read(options.jwks), '--jwks')
      if (jwks === undefined) {
        throw new AppError('invalid', 'the file has no keys in it: give those of who issued it with --jwks FILE')
      }
      if (options.jwks === undefined) warn()
      const found = await verifyReceipt(jws, {
        jwks,
        now: Date.now(),
        witnesses: (options.witness ?? []).map(readKey),
        ...personOf(options),
      })
      if (!found.ok) process.exitCode = 1
      const { ok, claims, ...rest } = found
      answer(options, { ok, claims, ...rest, keysFrom: options.jwks === undefined ? 'page' : 'file' }, textOf(found))
    })
}

function personOf({ salt, identifier }: VerifyOptions): Pick<Parameters<typeof verifyReceipt>[1], 'person'> {
  if (salt === undefined && identifier === undefined) return {}
  if (salt === undefined || identifier === undefined) {
    throw new AppError('invalid', '--salt and --identifier go together: whose it is shows with both alone')
  }
  return { person: { salt, identifiers: identifier } }
}

async function read(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new AppError('invalid', 'the file cannot be read', { cause })
  })
  if (text.length > MAX_BYTES) throw new AppError('invalid', 'the file is too large for a receipt')
  return text
}

/** The signed claims, alone or in their page. */
function readReceipt(text: string): { jws: string; embedded?: z.infer<typeof jwksSchema> } {
  const data = /<script type="application\/json" id="receipt-data">(.*?)<\/script>/s.exec(text)?.[1]
  if (data === undefined) return { jws: text }
  const { jws, jwks } = parseAs(pageSchema, data, 'the page')
  return { jws, embedded: jwks }
}

function parseAs<T>(schema: z.ZodType<T>, text: string, what: string): T {
  try {
    return schema.parse(JSON.parse(text))
  } catch (cause) {
    throw new AppError('invalid', `${what} does not hold keys as /.well-known/jwks.json has them`, { cause })
  }
}

function warn(): void {
  process.stderr.write(
    'weir: the keys are from the page itself: hold them against /.well-known/jwks.json of who issued it\n',
  )
}

function textOf({ ok, problems, claims, log, witnesses, unchecked, yours }: ReceiptCheck): string {
  if (claims === undefined) return `The receipt does not hold: ${problems.join(', ')}.`
  const said = [
    ok ? 'The receipt holds.' : `The receipt does not hold: ${problems.join(', ')}.`,
    `Issued by ${claims.iss} for request ${claims.request_id}, completed ${claims.completed_at}.`,
    log === 'proved'
      ? `It stands in ${claims.log.origin} at ${claims.log.index}.`
      : 'Its place in the log was not proved.',
    ...witnesses.map(({ name, at }) => `Seen by ${name} at ${at}.`),
    ...(unchecked.length > 0 ? [`Named as witnesses, not checked without their keys: ${unchecked.join(', ')}.`] : []),
    ...(yours === undefined ? [] : [yours ? 'It is of that identifier.' : 'It is not of that identifier.']),
    ...claims.retained.map(({ class: name, ground, until }) => `Stays until ${until}: ${name} (${ground}).`),
  ]
  return said.join('\n')
}
