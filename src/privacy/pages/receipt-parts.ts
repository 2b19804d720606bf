import type { ReceiptClaims } from '../../rights/receipt-claims.ts'
import { PAGE_WORDS } from '../../rights/receipt-page/words.ts'
import type { Language } from '../../rights/request.ts'
import type { ReceiptCheck } from '../../rights/verify-receipt.ts'
import { type Html, html } from '../html.ts'

/** What a receipt says, in the words of the page that people save. */
export function receiptParts(claims: ReceiptClaims, found: ReceiptCheck, language: Language): Html {
  const words = PAGE_WORDS[language]
  const {
    actions,
    models,
    scan,
    retained,
    destinations,
    horizon,
    backups_expire_at: expire,
    files_scan: files,
  } = claims
  const gone = [
    ...actions.map((one) => words.done(one)),
    ...models.map(({ name, verified }) => words.models(name, verified)),
    words.searched(scan.columns, scan.at),
  ]
  const stays =
    retained.length === 0 ? [words.nothingStays] : [...retained.map((one) => words.retained(one)), words.restricted]
  const told = destinations.map(
    ({ id, state }) => `${id}${language === 'zh-CN' ? '：' : ': '}${words.recipient[state]}`,
  )
  const unreached = [
    words.horizon(horizon.slice(0, 10)),
    expire === null ? words.backupsUnknown : words.backups(expire.slice(0, 10)),
    words.files(files),
    words.copies,
  ]
  const seen = found.witnesses.map(({ name, at }) => words.seen(name, at))
  return html`<h2>${words.gone}</h2>${list(gone)}
<h2>${words.stays}</h2>${list([...stays, words.tombstone])}
<h2>${words.recipients}</h2>${list(told.length === 0 ? [words.noRecipients] : told)}
<h2>${words.unreached}</h2>${list(unreached)}
<h2>${words.witness}</h2>${list(seen.length === 0 ? [words.unseen] : seen)}`
}

function list(lines: readonly string[]): Html {
  return html`<ul>${lines.map((one) => html`<li>${one}</li>`)}</ul>`
}
