/**
 * What a recipient was given of a person, so that it is told the same and nothing more: a pseudonym of its own, or an
 * identifier as it is (`raw`) or hashed without a key, as advertisers want it.
 */
export const IDENTIFIER_FORMS = [
  'pseudonym:raw',
  'user_id:raw',
  'user_id:sha256',
  'anonymous_id:raw',
  'anonymous_id:sha256',
  'email:raw',
  'email:sha256',
  'email:md5',
  'email:sha1',
  'phone:raw',
  'phone:sha256',
] as const
export type IdentifierForm = (typeof IDENTIFIER_FORMS)[number]

/** `email:sha256` is of the space `email`, in the format `sha256`. */
export function partsOf(form: IdentifierForm): { readonly space: string; readonly format: string } {
  const [space = '', format = ''] = form.split(':')
  return { space, format }
}
