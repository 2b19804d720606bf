import { AppError } from '../../errors.ts'
import { type Html, html } from '../html.ts'
import type { PageReply, Reply, Turn } from '../turn.ts'
import { problemHeaders, problemWords } from './problem.ts'

/**
 * Does what a form asked for. Where an error is of a field of the form, by its code, the same form is the answer, with what
 * was typed and the error beside the field (WCAG 2.2, 3.3.1); every other error is thrown on.
 */
export async function orAgain(
  turn: Turn,
  { fields, form }: { readonly fields: Readonly<Record<string, string>>; readonly form: FormPage },
  act: () => Promise<Reply>,
): Promise<Reply> {
  try {
    return await act()
  } catch (error) {
    if (!(error instanceof AppError) || !Object.hasOwn(fields, error.code)) throw error
    const page = await form({ ...turn, wrong: { field: fields[error.code]!, code: error.code } })
    return { ...page, status: error.status, headers: { ...page.headers, ...problemHeaders(error) } }
  }
}

type FormPage = (turn: Turn) => PageReply | Promise<PageReply>

/** Attributes of a field: which text describes it, and that it is wrong where it is. */
export function fieldMarks({ wrong }: Turn, field: string, hint?: string): Html {
  const isWrong = wrong?.field === field
  const described = [hint, isWrong ? `${field}-wrong` : undefined].filter((one) => one !== undefined).join(' ')
  return html`${described !== '' && html` aria-describedby="${described}"`}${isWrong && html` aria-invalid="true" autofocus`}`
}

/** The error beside its field; nothing where the field is right. */
export function fieldWrong({ wrong, locale: { language } }: Turn, field: string): Html | undefined {
  if (wrong?.field !== field) return undefined
  return html`<p class="wrong" id="${field}-wrong" role="alert">${problemWords(wrong.code, language)}</p>`
}
