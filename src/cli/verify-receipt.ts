import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { z } from 'zod'
import { AppError } from '../errors.ts'
import { type ReceiptCheck, type ReceiptProblem, verifyReceipt } from '../rights/verify-receipt.ts'
import { type HeldPage, holdPage, isPage } from '../rights/verify-receipt-page.ts'
import { readKey } from './audit-trust.ts'
import { collect } from './identifier-option.ts'
import { answer, type CommonOptions, example } from './output.ts'

const WEIR = 'npm run -s weir -- verify-receipt'
const MAX_BYTES = 4_000_000
const CHANGED =
  'The page is not what this version of Weir makes of the claims: it was changed, or another version made it.'
const STILL_SIGNED = 'Do not go by its words. The signed claims in it hold; what follows is theirs.'

interface VerifyOptions extends CommonOptions {
  readonly jwks?: string
  readonly witness?: readonly string[]
  readonly salt?: string
  readonly identifier?: readonly string[]
}

const jwksSchema = z.object({ keys: z.array(z.unknown()) })

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
      const now = Date.now()
      const { jws, embedded, page } = await readReceipt(await read(file), now)
      const jwks = options.jwks === undefined ? embedded : parseAs(jwksSchema, await read(options.jwks), '--jwks')
      if (jwks === undefined && page !== 'changed') {
        throw new AppError('invalid', 'the file has no keys in it: give those of who issued it with --jwks FILE')
      }
      if (options.jwks === undefined) warn()
      const witnesses = (options.witness ?? []).map(readKey)
      const signed = await verifyReceipt(jws, { jwks: jwks ?? { keys: [] }, now, witnesses, ...personOf(options) })
      const found: Found =
        page === 'changed' ? { ...signed, ok: false, problems: ['page', ...signed.problems] } : signed
      if (!found.ok) process.exitCode = 1
      const { ok, claims, ...rest } = found
      const keysFrom = options.jwks === undefined ? 'page' : 'file'
      answer(options, { ok, claims, ...rest, keysFrom, ...(page && { page }) }, textOf(found, signed))
    })
}

/** `page`: the file says something else than what was signed. */
type Found = Omit<ReceiptCheck, 'problems'> & { readonly problems: readonly (ReceiptProblem | 'page')[] }

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

interface FromFile {
  readonly jws: string
  readonly embedded?: HeldPage['jwks']
  /** Absent where the file is the signed claims alone. */
  readonly page?: 'whole' | 'changed'
}

/** The signed claims, alone or in their page: which must then say what this version of Weir makes of them, and nothing else. */
async function readReceipt(text: string, now: number): Promise<FromFile> {
  if (!isPage(text)) return { jws: text }
  const held = await holdPage(text, now)
  if (held === undefined) return { jws: '', page: 'changed' }
  return { jws: held.jws, embedded: held.jwks, page: held.isWhole ? 'whole' : 'changed' }
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

function textOf({ ok, problems, claims, log, witnesses, unchecked, yours }: Found, signed: ReceiptCheck): string {
  if (claims === undefined) return `The receipt does not hold: ${problems.join(', ')}.`
  const said = [
    ok ? 'The receipt holds.' : `The receipt does not hold: ${problems.join(', ')}.`,
    ...(problems.includes('page') ? [signed.ok ? `${CHANGED} ${STILL_SIGNED}` : CHANGED] : []),
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
