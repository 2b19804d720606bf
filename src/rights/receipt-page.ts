import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { formatVerifierKey, type VerifierKey } from '../audit/verifier-key.ts'
import { AppError } from '../errors.ts'
import { RECEIPT_TYPE, type ReceiptClaims } from './receipt-claims.ts'
import { escapeHtml as e, jsonForScript, unescapeHtml } from './receipt-page/escape.ts'
import { type CheckWords, PAGE_WORDS, type PageWords } from './receipt-page/words.ts'
import type { Language } from './request.ts'
import { type ReceiptCheck, verifyReceipt } from './verify-receipt.ts'
import { timeWords } from './words.ts'

const part = (name: string): string => readFileSync(new URL(`./receipt-page/${name}`, import.meta.url), 'utf8').trim()
const STYLE = part('style.css')
const SCRIPT = part('check.js')

export interface ReceiptPageOptions {
  /** As /.well-known/jwks.json has them: they are put into the page. */
  readonly jwks: { readonly keys: readonly unknown[] }
  /** The one that is shown first; the page has both. */
  readonly language: Language
  /** Witnesses whose cosignatures count. */
  readonly witnesses?: readonly VerifierKey[]
  /** Milliseconds since 1970. */
  readonly now: number
}

/** What a person saves: a name that says nothing of whose it is. */
export const RECEIPT_PAGE_NAME = 'erasure-receipt.html'

/**
 * One HTML file, whole in itself: what is gone, what stays by which law until when, what Weir cannot reach, whether an
 * outside witness saw it; in Chinese and English, readable without script. It asks nobody for anything (its policy lets
 * it load nothing), and checks signature, words and log itself where the browser can. Every value is escaped. Throws
 * AppError `conflict` for a receipt that does not hold: no page speaks for it.
 */
export async function receiptPage(jws: string, options: ReceiptPageOptions): Promise<string> {
  const found = await verifyReceipt(jws, options)
  if (!found.ok || found.claims === undefined) {
    throw new AppError('conflict', 'the receipt does not hold, so there is no page for it', { code: 'receipt-invalid' })
  }
  const kid = String(
    (JSON.parse(Buffer.from(jws.split('.')[0]!, 'base64url').toString('utf8')) as { kid?: unknown }).kid,
  )
  const shown = { claims: found.claims, found, kid, jws: jws.trim() }
  const [zh, en] = (['zh-CN', 'en'] as const).map((language) => articleOf(shown, language))
  const articles = zh! + en!
  const data = {
    jws: shown.jws,
    jwks: options.jwks,
    witnesses: (options.witnesses ?? []).map(formatVerifierKey),
    type: RECEIPT_TYPE,
    saidHash: createHash('sha256').update(textOf(articles), 'utf8').digest('hex'),
  }
  return pageOf({ first: options.language, articles, data: jsonForScript(data) })
}

interface Shown {
  readonly claims: ReceiptClaims
  readonly found: ReceiptCheck
  readonly kid: string
  readonly jws: string
}

/** What a browser has as the text of the articles, but for what stands in noscript: it compares that. */
function textOf(articles: string): string {
  return unescapeHtml(articles.replace(/<noscript>.*?<\/noscript>/gs, '').replace(/<[^>]*>/g, '')).trim()
}

function articleOf({ claims, found, kid, jws }: Shown, language: Language): string {
  const words = PAGE_WORDS[language]
  const list = (texts: readonly string[]): string => `<ul>${texts.map((text) => `<li>${e(text)}</li>`).join('')}</ul>`
  return `<article lang="${language}" data-language="${language}">
<h1>${e(words.title)}</h1>
<p>${e(words.intro(host(claims.iss)))}</p>
<h2>${e(words.checks)}</h2>
<ul class="checks" role="status" aria-live="polite">${check('signature', words.signature)}${check('shown', words.shown)}${check('log', words.log)}</ul>
<noscript><p>${e(words.noScript)}</p></noscript>
<h2>${e(words.gone)}</h2>${list(goneIn(claims, words))}
<h2>${e(words.stays)}</h2>${list(staysIn(claims, words))}
<h2>${e(words.recipients)}</h2>${list(recipientsIn(claims, words))}
<h2>${e(words.unreached)}</h2>${list(unreachedIn(claims, words))}
<h2>${e(words.witness)}</h2>${list(witnessesIn(found, words))}
<h2>${e(words.yours)}</h2><p>${e(words.yoursHow)}</p>${formOf(words, language)}
<h2>${e(words.details)}</h2><dl>${factsOf(claims, kid, language)
    .map(([name, value]) => `<dt>${e(name)}</dt><dd>${e(value)}</dd>`)
    .join('')}</dl>
<p>${e(words.elsewhere)}</p>
<pre tabindex="0" aria-label="JWS">${e(jws)}</pre>
</article>
`
}

function check(id: string, words: CheckWords): string {
  const said = (['good', 'bad', 'cannot'] as const).map((one) => `data-${one}="${e(words[one])}"`).join(' ')
  return `<li class="check" data-check="${id}" ${said}>${e(words.waiting)}</li>`
}

function goneIn({ actions, models, scan }: ReceiptClaims, words: PageWords): string[] {
  return [
    ...actions.map((one) => words.done(one)),
    ...models.map(({ name, verified }) => words.models(name, verified)),
    words.searched(scan.columns, scan.at),
  ]
}

function staysIn({ retained, actions }: ReceiptClaims, words: PageWords): string[] {
  const laws =
    retained.length === 0 ? [words.nothingStays] : [...retained.map((one) => words.retained(one)), words.restricted]
  const isProofKept = actions.some(({ store }) => store === 'weir.consent_ledger')
  return [...laws, ...(isProofKept ? [words.ledger] : []), words.tombstone]
}

function recipientsIn({ destinations }: ReceiptClaims, words: PageWords): string[] {
  if (destinations.length === 0) return [words.noRecipients]
  return destinations.map((one) => words.told(one))
}

function unreachedIn(claims: ReceiptClaims, words: PageWords): string[] {
  const { horizon, backups_expire_at: expire, files_scan: files } = claims
  const backups = expire === null ? words.backupsUnknown : words.backups(expire.slice(0, 10))
  return [words.horizon(horizon.slice(0, 10)), backups, words.files(files), words.copies]
}

function witnessesIn({ witnesses, unchecked }: ReceiptCheck, words: PageWords): string[] {
  const seen = witnesses.map(({ name, at }) => words.seen(name, at))
  const named = unchecked.length === 0 ? [] : [words.named(unchecked.join(', '))]
  return seen.length + named.length === 0 ? [words.unseen] : [...seen, ...named]
}

/** Works with script alone, and is hidden without: nothing may be sent anywhere. */
function formOf(words: PageWords, language: Language): string {
  const field = (name: string, label: string): string =>
    `<label for="${name}-${language}">${e(label)}</label><input type="text" id="${name}-${language}" name="${name}" autocomplete="off" spellcheck="false" required>`
  return `<form data-yours hidden>${field('salt', words.salt)}${field('identifier', words.identifier)}<button>${e(words.compare)}</button>
<output class="check" data-good="${e(words.isYours)}" data-bad="${e(words.isNot)}"></output></form>`
}

function factsOf(claims: ReceiptClaims, kid: string, language: Language): [string, string][] {
  const { facts, proof } = PAGE_WORDS[language]
  return [
    [facts.received, timeWords(claims.received_at, language)],
    [facts.completed, timeWords(claims.completed_at, language)],
    [facts.request, claims.request_id],
    [facts.receipt, claims.jti],
    [facts.proved, proof[claims.verified_by]],
    [facts.regime, claims.regime],
    [facts.key, kid],
    [facts.place, `${claims.log.origin} #${claims.log.index}`],
  ]
}

function host(issuer: string): string {
  return new URL(issuer).host
}

interface Page {
  readonly first: Language
  readonly articles: string
  readonly data: string
}

function pageOf({ first, articles, data }: Page): string {
  const hash = (text: string): string => `'sha256-${createHash('sha256').update(text, 'utf8').digest('base64')}'`
  const policy = `default-src 'none'; script-src ${hash(SCRIPT)}; style-src ${hash(STYLE)}; base-uri 'none'; form-action 'none'`
  const choice = (id: string, language: Language, name: string): string =>
    `<label lang="${language}"><input type="radio" name="language" id="${id}"${first === language ? ' checked' : ''}> ${name}</label>`
  return `<!doctype html>
<html lang="${first}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>${e(PAGE_WORDS[first].title)}</title>
<style>${STYLE}</style>
</head>
<body>
<fieldset class="languages" aria-label="语言 · Language">${choice('show-zh', 'zh-CN', '中文')}${choice('show-en', 'en', 'English')}</fieldset>
<main>
${articles}</main>
<script type="application/json" id="receipt-data">${data}</script>
<script>${SCRIPT}</script>
</body>
</html>
`
}
