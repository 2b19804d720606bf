import { AppError } from '../../errors.ts'
import { proveDevice, proveToken } from '../data/arrive.ts'
import { html } from '../html.ts'
import { ROOT } from '../layout.ts'
import type { PageReply, Told, Turn } from '../turn.ts'
import { newVisit } from '../visit.ts'

const WORDS: Told<{ readonly title: string; readonly on: string; readonly press: string }> = {
  'zh-CN': { title: '您已登录', on: '即将为您打开概览页。', press: '打开概览' },
  en: { title: 'You are signed in', on: 'Your overview opens in a moment.', press: 'Open my overview' },
}

/**
 * POST /privacy/session: somebody comes from a page of the shop, with a token that the shop signed, or with what the SDK
 * holds for their browser. Only a registered page of the shop can send it, so that nobody is signed in as somebody else
 * unawares; what the browser brought along is not taken over. It answers with a page that leads on: a redirect would still
 * be the shop's doing, and bring no SameSite=Strict cookie.
 */
export async function arrive({ deps, form, ask, visit, now, locale: { language } }: Turn): Promise<PageReply> {
  const source = await ask.sourceOf(form.text('writeKey', 200) ?? '', originOf(ask.headers.origin))
  if (source.test) throw new AppError('forbidden', 'A test source keeps nothing.', { code: 'test-source' })
  const token = form.text('subjectToken', 4096)
  const anonymousId = form.text('anonymousId', 255)
  const anonymousSecret = form.text('anonymousSecret', 256)
  if (token === undefined && (anonymousId === undefined || anonymousSecret === undefined)) throw nobody()
  const who =
    token === undefined
      ? await proveDevice(deps, source, { anonymousId: anonymousId!, anonymousSecret: anonymousSecret! })
      : await proveToken(deps, source, token)
  const words = WORDS[language]
  const named = form.text('language', 5)
  const chosen = named === 'zh-CN' || named === 'en' ? { language: visit.language ?? named } : {}
  return {
    title: words.title,
    visit: { ...newVisit(now, visit), ...chosen, who, said: 'signed-in' },
    head: html`<meta http-equiv="refresh" content="0; url=${ROOT}/me">`,
    body: html`<h1>${words.title}</h1><p>${words.on}</p><p><a class="button main" href="${ROOT}/me">${words.press}</a></p>`,
  }
}

/** A browser says it with every form that is posted, as long as the shop's page has not said no-referrer. */
function originOf(origin: string | undefined): string {
  if (origin !== undefined && origin !== 'null') return origin
  throw new AppError('forbidden', 'The page that sent this names no origin.', { code: 'origin-not-listed' })
}

function nobody(): AppError {
  return new AppError('unauthenticated', 'Nobody is named.', { code: 'bad-session-token' })
}
