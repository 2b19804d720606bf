/**
 * True where Sec-GPC says that the person opts out (W3C GPC): the value is exactly `1`. Of several headers one `1`
 * is enough (Node joins them with commas); any other value is ignored, as the specification requires.
 */
export function isGpc(header: string | readonly string[] | undefined): boolean {
  if (header === undefined) return false
  const values = typeof header === 'string' ? [header] : header
  return values.some((value) => value.split(',').some((part) => part.trim() === '1'))
}
