import type { Keys } from './keys.ts'
import type { Shop } from './shop.ts'
import { refusedOrder, reportRange } from './story.ts'
import { type Lang, WORDS } from './words.ts'
import { wrap } from './wrap.ts'

export interface NextInput {
  readonly url: string
  readonly shop: Shop
  readonly keys: Keys
  readonly lang: Lang
  /** Whether the data stay when the gateway ends. */
  readonly kept: boolean
  /** Columns for the sentences; a command stays on one line, to be copied as it stands. */
  readonly width: number
}

/** Where to go on while the gateway runs: pages to open, and commands that work as they stand, tokens included. */
export function nextSteps({ url, shop, keys, lang, kept, width }: NextInput): string {
  const { heads, next } = WORDS[lang]
  const { from, to } = reportRange(shop)
  const bearer = (token: string): string => `-H "Authorization: Bearer ${token}"`
  const credit = `${url}/api/attribution/credit?model=position&from=${from}&to=${to}`
  const also = `${url}/v1/recommendations?placement=also_bought&product_id=gaiwan&n=3`
  const commands: [what: string, command: string][] = [
    [next.credit, `curl -s ${bearer(keys.analystToken)} "${credit}"`],
    [next.decisionOf, `curl -s ${bearer(keys.complianceToken)} ${url}/api/decisions/${refusedOrder(shop).messageId}`],
    [next.also, `curl -s -u "${keys.writeKey}:" "${also}"`],
  ]
  const lines = [
    ...['/docs', '/readyz', '/metrics'].map((path) => `  ${url}${path}`),
    ...commands.flatMap(([what, command]) => [`  # ${what}`, `  ${command}`]),
  ]
  return `\n${heads.next}\n${lines.join('\n')}\n\n${wrap(kept ? next.staysKept : next.stays, { width })}\n`
}
