/** Markup that was made here. Whatever is not of this class is text, and escaped. */
export class Html {
  readonly markup: string

  constructor(markup: string) {
    this.markup = markup
  }
}

/** What may stand in a template: nothing at all where a condition does not hold. */
export type Part = Html | string | number | bigint | undefined | null | false | readonly Part[]

/** A template whose every value is escaped, in text and in quoted attributes alike, unless it is markup that was made here. */
export function html(strings: TemplateStringsArray, ...values: readonly Part[]): Html {
  let out = strings[0] ?? ''
  for (const [i, value] of values.entries()) out += render(value) + strings[i + 1]
  return new Html(out)
}

function render(part: Part): string {
  if (part === undefined || part === null || part === false) return ''
  if (part instanceof Html) return part.markup
  if (typeof part === 'object') return part.map(render).join('')
  return String(part).replace(/[&<>"'`]/g, (char) => `&#${char.charCodeAt(0)};`)
}
