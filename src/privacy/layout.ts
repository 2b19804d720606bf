import { OFFSETS, offsetName } from './format.ts'
import { type Html, html } from './html.ts'
import { saidWords } from './said.ts'
import type { PageReply, Told, Turn } from './turn.ts'

const WORDS: Told<{
  readonly name: string
  readonly skip: string
  readonly other: string
  readonly navigation: string
  readonly links: string
  readonly out: string
  readonly zone: string
  readonly change: string
  readonly own: readonly (readonly [path: string, name: string])[]
  readonly foot: readonly (readonly [path: string, name: string])[]
}> = {
  'zh-CN': {
    name: '隐私中心',
    skip: '跳到正文',
    other: 'English',
    navigation: '我的隐私',
    links: '更多',
    out: '退出',
    zone: '本页时间所用时区',
    change: '更改时区',
    own: [
      ['/me', '概览'],
      ['/choices', '我的选择'],
      ['/tags', '推荐依据'],
      ['/requests', '我的请求'],
      ['/accesses', '谁看过'],
    ],
    foot: [
      ['/policy', '我们如何处理个人信息'],
      ['/follow', '按编号查看请求'],
      ['/receipt', '核验删除回执'],
      ['/complain', '投诉与举报'],
    ],
  },
  en: {
    name: 'Privacy centre',
    skip: 'Skip to the content',
    other: '中文',
    navigation: 'My privacy',
    links: 'More',
    out: 'Sign out',
    zone: 'Times are shown in',
    change: 'Change',
    own: [
      ['/me', 'Overview'],
      ['/choices', 'My choices'],
      ['/tags', 'Recommendations'],
      ['/requests', 'My requests'],
      ['/accesses', 'Who looked'],
    ],
    foot: [
      ['/policy', 'How we use data'],
      ['/follow', 'Follow a request'],
      ['/receipt', 'Check a receipt'],
      ['/complain', 'Complain'],
    ],
  },
}

/** Where everything of the centre is. */
export const ROOT = '/privacy'

/** A page in its frame: one stylesheet of our own, no script, nothing of anybody else. */
export function frame(turn: Turn, page: PageReply, path: string): string {
  const { locale, visit, deps } = turn
  const words = WORDS[locale.language]
  return html`<!doctype html>
<html lang="${locale.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${page.title} · ${words.name} · ${deps.shopName}</title>
<link rel="stylesheet" href="${ROOT}/style.css">
<link rel="icon" href="data:,">
${page.head}
</head>
<body>
<a class="skip" href="#content">${words.skip}</a>
<header class="top"><div class="wrap">
<a class="brand" href="${ROOT}">${words.name}<span class="shop">${deps.shopName}</span></a>
<div class="tools">${languageForm(turn, path)}${visit.who !== undefined && signOutForm(turn)}</div>
</div></header>
${visit.who !== undefined && navigation(turn, path)}
<main id="content" tabindex="-1"><div class="wrap">
${saidNote(turn)}
${page.body}
</div></main>
${footer(turn, path)}
</body>
</html>
`.markup
}

function navigation({ locale: { language } }: Turn, path: string): Html {
  const { own, navigation: name } = WORDS[language]
  const items = own.map(([to, label]) => {
    const here = path === to || path.startsWith(`${to}/`)
    return html`<li><a href="${ROOT}${to}"${here && html` aria-current="page"`}>${label}</a></li>`
  })
  return html`<nav class="own" aria-label="${name}"><ul>${items}</ul></nav>`
}

function languageForm({ locale: { language }, csrf }: Turn, path: string): Html {
  const other = language === 'zh-CN' ? 'en' : 'zh-CN'
  return html`<form method="post" action="${ROOT}/settings">${csrf}<input type="hidden" name="back" value="${path}">
<button class="small plain" name="language" value="${other}" lang="${other}">${WORDS[language].other}</button></form>`
}

function signOutForm({ locale: { language }, csrf }: Turn): Html {
  return html`<form method="post" action="${ROOT}/sign-out">${csrf}<button class="small">${WORDS[language].out}</button></form>`
}

function footer({ locale, csrf }: Turn, path: string): Html {
  const words = WORDS[locale.language]
  const options = OFFSETS.map(
    (one) =>
      html`<option value="${one}"${one === locale.offset && html` selected`}>${offsetName(one, locale.language)}</option>`,
  )
  return html`<footer><div class="wrap">
<nav aria-label="${words.links}"><ul>${words.foot.map(([to, label]) => html`<li><a href="${ROOT}${to}">${label}</a></li>`)}</ul></nav>
<form method="post" action="${ROOT}/settings">${csrf}<input type="hidden" name="back" value="${path}">
<label for="offset">${words.zone}</label> <select id="offset" name="offset">${options}</select>
<button class="small">${words.change}</button></form>
</div></footer>`
}

function saidNote({ visit: { said }, locale: { language } }: Turn): Html | undefined {
  const words = said === undefined ? undefined : saidWords(said, language)
  return words === undefined ? undefined : html`<div class="note" role="status"><p>${words}</p></div>`
}
