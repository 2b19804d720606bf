import { strike, unstrike } from '../../pipeline/struck-tags.ts'
import { choicesOf } from '../data/choose.ts'
import { type Items, readItems } from '../data/items.ts'
import { recordOwnLook } from '../data/look.ts'
import { day, dayOf } from '../format.ts'
import { type Html, html } from '../html.ts'
import { ROOT } from '../layout.ts'
import type { GoReply, OwnTurn, PageReply, Told, Turn } from '../turn.ts'
import { nobodyNote, stoppedNote } from './nobody.ts'
import { choiceOf } from './purpose-list.ts'

const WORDS: Told<{
  readonly title: string
  readonly lead: string
  readonly on: string
  readonly off: string
  readonly turnOff: string
  readonly turnOn: string
  readonly items: string
  readonly used: string
  readonly kept: string
  readonly how: Readonly<Record<'viewed' | 'in-cart' | 'bought', string>>
  readonly last: (day: string) => string
  readonly strike: string
  readonly none: string
  readonly struck: string
  readonly struckHow: string
  readonly struckOn: (day: string) => string
  readonly back: string
}> = {
  'zh-CN': {
    title: '推荐依据',
    lead: '商品推荐只依据您最近看过、加入购物车或买过的商品。不想被推荐依据的，划去即可，立即生效。',
    on: '个性化推荐已开启。',
    off: '个性化推荐已关闭：推荐与您的个人信息无关，人人相同。',
    turnOff: '不要个性化',
    turnOn: '开启个性化',
    items: '您最近的商品',
    used: '正在使用',
    kept: '暂未使用',
    how: { viewed: '看过', 'in-cart': '在购物车', bought: '买过' },
    last: (at) => `最近：${at}`,
    strike: '划去',
    none: '没有任何商品作为依据。',
    struck: '已划去',
    struckHow: '不作为依据，也不会推荐给您。',
    struckOn: (at) => `划去于 ${at}`,
    back: '恢复',
  },
  en: {
    title: 'What recommendations go by',
    lead: 'Recommendations go by what you looked at lately, have in the cart, or bought. Strike out what they are not to go by: it is in force at once.',
    on: 'Recommendations are made for you.',
    off: 'Recommendations are not made for you: they have nothing to do with your data, and are the same for everybody.',
    turnOff: 'Not personalised',
    turnOn: 'Make them for me',
    items: 'Your latest items',
    used: 'in use',
    kept: 'not in use now',
    how: { viewed: 'looked at', 'in-cart': 'in the cart', bought: 'bought' },
    last: (at) => `last on ${at}`,
    strike: 'Strike out',
    none: 'There is nothing that they go by.',
    struck: 'Struck out',
    struckHow: 'Not gone by, and not recommended to you.',
    struckOn: (at) => `struck out on ${at}`,
    back: 'Use again',
  },
}

/** GET /privacy/tags */
export async function tagsPage(turn: OwnTurn): Promise<PageReply> {
  const { deps, person, locale } = turn
  const words = WORDS[locale.language]
  if (person === undefined) return { title: words.title, body: html`<h1>${words.title}</h1>${nobodyNote(turn)}` }
  await recordOwnLook(deps, 'recommendation', person.subjects)
  const found = await readItems(deps, person)
  const isOn = !person.node.restricted && choiceOf('personalisation', choicesOf(person)) === 'granted'
  return {
    title: words.title,
    body: html`<h1>${words.title}</h1><p>${words.lead}</p>${person.node.restricted && stoppedNote(turn)}
${!person.node.restricted && switchCard(turn, isOn)}
<h2>${words.items}</h2>${itemList(turn, found, isOn)}
${found.struck.length > 0 && html`<h2>${words.struck}</h2><p>${words.struckHow}</p>${struckList(turn, found)}`}`,
  }
}

function switchCard({ locale: { language }, csrf }: Turn, isOn: boolean): Html {
  const words = WORDS[language]
  return html`<section class="card"><p><strong>${isOn ? words.on : words.off}</strong></p>
<form method="post" action="${ROOT}/choices">${csrf}<input type="hidden" name="purpose" value="personalisation"><input type="hidden" name="back" value="tags">
<button name="choice" value="${isOn ? 'refused' : 'granted'}">${isOn ? words.turnOff : words.turnOn}</button></form></section>`
}

function itemList({ locale, csrf }: Turn, { items }: Items, isOn: boolean): Html {
  const words = WORDS[locale.language]
  if (items.length === 0) return html`<p>${words.none}</p>`
  const separator = locale.language === 'zh-CN' ? '、' : ', '
  const rows = items.map(({ item, day: at, how, used }) => {
    const ways = how.map((one) => words.how[one]).join(separator)
    return html`<li class="row"><span><strong class="item">${item}</strong> <span class="tag${used && isOn && ' yes'}">${used && isOn ? words.used : words.kept}</span>
<span class="hint">${ways} · ${words.last(day(at, locale))}</span></span>
<form method="post" action="${ROOT}/tags/strike">${csrf}<input type="hidden" name="item" value="${item}">
<button class="small">${words.strike}<span class="unseen"> ${item}</span></button></form></li>`
  })
  return html`<ul class="plain card">${rows}</ul>`
}

function struckList({ locale, csrf }: Turn, { struck }: Items): Html {
  const words = WORDS[locale.language]
  const rows = struck.map(
    ({ item, at }) => html`<li class="row"><span><span class="struck item">${item}</span>
<span class="hint">${words.struckOn(dayOf(at.getTime(), locale))}</span></span>
<form method="post" action="${ROOT}/tags/back">${csrf}<input type="hidden" name="item" value="${item}">
<button class="small">${words.back}<span class="unseen"> ${item}</span></button></form></li>`,
  )
  return html`<ul class="plain card">${rows}</ul>`
}

/** POST /privacy/tags/strike */
export async function strikeOut({ deps, person, form, visit }: OwnTurn): Promise<GoReply> {
  if (person === undefined) return { go: '/tags' }
  const outcome = await strike(deps, person.subject, form.raw('item', 255) ?? '')
  return { go: '/tags', visit: { ...visit, said: outcome === 'struck' ? 'item-struck' : 'too-many-struck' } }
}

/** POST /privacy/tags/back */
export async function takeBack({ deps, person, form, visit }: OwnTurn): Promise<GoReply> {
  if (person === undefined) return { go: '/tags' }
  await unstrike(deps, person, form.raw('item', 255) ?? '')
  return { go: '/tags', visit: { ...visit, said: 'item-back' } }
}
