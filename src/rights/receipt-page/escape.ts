/** Text for HTML, in an element or in a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (letter) => ENTITIES[letter]!)
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** The text that escapeHtml was given, as a browser has it: ends of lines are its own (HTML, Preprocessing the input stream). */
export function unescapeHtml(html: string): string {
  const signs = new Map(Object.entries(ENTITIES).map(([sign, entity]) => [entity, sign]))
  return html.replace(/&(?:amp|lt|gt|quot|#39);/g, (entity) => signs.get(entity)!).replace(/\r\n?/g, '\n')
}

/** JSON for a script element of data: nothing in it can end the element, or begin a comment (HTML, Restrictions for contents of script). */
export function jsonForScript(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
