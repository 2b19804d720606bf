import { createHash } from 'node:crypto'
import { z } from 'zod'
import { FormatError } from '../audit/format-error.ts'
import { parseVerifierKey, type VerifierKey } from '../audit/verifier-key.ts'
import { AppError } from '../errors.ts'
import { LOG_KEY_USE } from './receipt-claims.ts'
import { receiptPage } from './receipt-page.ts'

const DATA = /<script type="application\/json" id="receipt-data">(.*?)<\/script>/s
/** Text that means its bytes and is the only text that does: the last letter of base64url can have bits that mean nothing. */
const canonical = z.string().refine((text) => Buffer.from(text, 'base64url').toString('base64url') === text)
/** Every member is held, so that no letter of it can be another one. */
const keySchema = z
  .strictObject({
    kty: z.literal('OKP'),
    crv: z.literal('Ed25519'),
    x: canonical,
    kid: canonical,
    alg: z.literal('EdDSA'),
    use: z.enum(['sig', LOG_KEY_USE]),
  })
  .refine(({ x, kid }) => kid === thumbprint(x))
const dataSchema = z.strictObject({
  jws: z.string().refine((jws) => jws.split('.').every((part) => canonical.safeParse(part).success)),
  jwks: z.strictObject({
    keys: z.tuple([keySchema, keySchema]).refine(([of, log]) => of.use === 'sig' && log.use === LOG_KEY_USE),
  }),
  witnesses: z.array(z.string()).max(100),
  // Rendered again, and compared with the whole page.
  type: z.string(),
  saidHash: z.string(),
})

/** A receipt's page as a file: what it carries, and whether it says that and nothing else. */
export interface HeldPage {
  readonly jws: string
  readonly jwks: { readonly keys: readonly unknown[] }
  /**
   * Whether the file is, byte for byte, the page that this version of Weir makes of the receipt in it: every word in
   * both languages, every copy of the signed claims, and the script that checks it in a browser.
   */
  readonly isWhole: boolean
}

/** Whether a file is meant to be a page, sound or not. */
export function isPage(text: string): boolean {
  return /^\s*</.test(text)
}

/** What a page carries; undefined where that cannot be read. `now` in milliseconds since 1970. */
export async function holdPage(html: string, now: number): Promise<HeldPage | undefined> {
  const data = dataOf(html)
  if (data === undefined) return undefined
  const { jws, jwks, witnesses } = data
  const isZh = /<html lang="zh-CN">/.test(html.slice(0, 200))
  const whole = { jwks, witnesses, language: isZh ? 'zh-CN' : 'en', now } as const
  return { jws, jwks, isWhole: plain(html) === (await pageOf(jws, whole)) }
}

interface Data {
  readonly jws: string
  readonly jwks: { readonly keys: readonly unknown[] }
  readonly witnesses: readonly VerifierKey[]
}

function dataOf(html: string): Data | undefined {
  try {
    const { jws, jwks, witnesses } = dataSchema.parse(JSON.parse(DATA.exec(html)?.[1] ?? ''))
    return { jws, jwks, witnesses: witnesses.map(parseVerifierKey) }
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError || error instanceof FormatError) return undefined
    throw error
  }
}

/** RFC 7638 of a key on Ed25519 (RFC 8037 appendix A.3). */
function thumbprint(x: string): string {
  return createHash('sha256').update(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`).digest('base64url')
}

/** Undefined where the receipt does not hold by the page's own keys: then no page is right. */
async function pageOf(jws: string, options: Parameters<typeof receiptPage>[1]): Promise<string | undefined> {
  try {
    return plain(await receiptPage(jws, options))
  } catch (error) {
    if (error instanceof AppError && error.code === 'receipt-invalid') return undefined
    throw error
  }
}

/** Ends of lines as they are here: mail and some file systems write others. */
function plain(html: string): string {
  return html.replaceAll('\r\n', '\n').trimEnd()
}
