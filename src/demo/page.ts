import { type Column, table } from './table.ts'
import { type Lang, WORDS, type Words } from './words.ts'
import { wrap } from './wrap.ts'

/** What a report is written on: a language, and so many columns. */
export interface Page {
  readonly lang: Lang
  readonly words: Words
  readonly width: number
}

export function openPage(lang: Lang, width: number): Page {
  return { lang, words: WORDS[lang], width }
}

/** A sentence, indented by two; what does not fit on its line goes on below, `hanging` columns further in. */
export function line(text: string, { width }: Page, hanging = 0): string {
  return wrap(text, { width, first: '  ', next: ' '.repeat(2 + hanging) })
}

export function grid(columns: readonly Column[], rows: readonly (readonly string[])[], { width }: Page): string {
  return table(columns, rows, width)
}

export function number(value: number, { words }: Page): string {
  return value.toLocaleString(words.locale)
}

/** A share of one with so many decimals: 0.125 is 12.5 %. */
export function percent(share: number, { words }: Page, decimals: number): string {
  const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals }
  return `${(share * 100).toLocaleString(words.locale, digits)} %`
}

/** Decimal text as it is read in that language; the amounts of a sample are exact as numbers. */
export function money(value: string | null | undefined, { words }: Page): string {
  if (value == null || Number(value) === 0) return '–'
  return Number(value).toLocaleString(words.locale, {
    style: 'currency',
    currency: 'CNY',
    currencyDisplay: 'narrowSymbol',
    maximumFractionDigits: 0,
  })
}

export function channelName(name: string, { words }: Page): string {
  return words.channels[name] ?? name
}
