import { AppError } from '../../errors.ts'
import { bitOf, isPurpose, PURPOSES, type Purpose, purposesIn } from '../../event/purpose.ts'
import { choicesOf, choose } from '../data/choose.ts'
import { recordOwnLook } from '../data/look.ts'
import { type Html, html } from '../html.ts'
import { ROOT } from '../layout.ts'
import type { GoReply, OwnTurn, PageReply, Told, Turn } from '../turn.ts'
import { basisWords, purposeWords } from '../words.ts'
import { nobodyNote, stoppedNote } from './nobody.ts'
import { type Choices, choiceOf, choiceTag } from './purpose-list.ts'

const WORDS: Told<
  Readonly<
    Record<
      | 'title'
      | 'lead'
      | 'all'
      | 'allHow'
      | 'refuseAll'
      | 'allowAll'
      | 'allow'
      | 'refuse'
      | 'withdraw'
      | 'always'
      | 'alwaysHow'
      | 'now',
      string
    >
  >
> = {
  'zh-CN': {
    title: '我的选择',
    lead: '同意和撤回一样简单：点一下，立即生效。撤回不影响您购物，也不影响此前已经合法进行的处理。只为该目的保存的信息随即删除。',
    all: '一次选定',
    allHow: '适用于下面所有需要您同意的目的。',
    refuseAll: '全部拒绝',
    allowAll: '全部同意',
    allow: '同意',
    refuse: '拒绝',
    withdraw: '撤回同意',
    always: '不需要同意的目的',
    alwaysHow: '以下处理不以同意为依据，因此不能在此关闭。您仍可提出限制使用或删除的请求。',
    now: '现状',
  },
  en: {
    title: 'My choices',
    lead: 'Taking consent back is as easy as giving it: one press, in force at once. It changes nothing about how you shop, nor about what was rightly done before. What was kept for that purpose alone is erased.',
    all: 'All at once',
    allHow: 'For every purpose below that needs your consent.',
    refuseAll: 'Refuse all',
    allowAll: 'Allow all',
    allow: 'Allow',
    refuse: 'Refuse',
    withdraw: 'Take back',
    always: 'What needs no consent',
    alwaysHow:
      'This does not rest on your consent, so it cannot be turned off here. You can still ask for restriction or erasure.',
    now: 'Now',
  },
}

/** GET /privacy/choices */
export async function choicesPage(turn: OwnTurn): Promise<PageReply> {
  const { deps, person, locale, csrf } = turn
  const words = WORDS[locale.language]
  if (person === undefined) return { title: words.title, body: html`<h1>${words.title}</h1>${nobodyNote(turn)}` }
  await recordOwnLook(deps, 'choices', person.subjects)
  const choices = choicesOf(person)
  const { needsConsent } = deps.active().compiled
  const asked = purposesIn(needsConsent)
  const others = PURPOSES.filter((purpose) => !asked.includes(purpose))
  return {
    title: words.title,
    body: html`<h1>${words.title}</h1><p>${words.lead}</p>${person.node.restricted && stoppedNote(turn)}
<section class="card"><h2>${words.all}</h2><p>${words.allHow}</p>
<form method="post" action="${ROOT}/choices" class="pair">${csrf}<input type="hidden" name="purpose" value="all">
<button name="choice" value="refused">${words.refuseAll}</button><button name="choice" value="granted">${words.allowAll}</button></form></section>
${asked.map((purpose) => purposeCard(turn, purpose, choices))}
<h2>${words.always}</h2><p>${words.alwaysHow}</p>${others.map((purpose) => fixedCard(turn, purpose))}`,
  }
}

/** Both buttons are alike, whichever is in force: neither is made harder to press. */
function purposeCard({ deps, locale: { language }, csrf }: Turn, purpose: Purpose, choices: Choices): Html {
  const words = WORDS[language]
  const { compiled } = deps.active()
  const { name, means } = purposeWords(purpose, language, compiled)
  const choice = choiceOf(purpose, choices)
  const button = (value: 'refused' | 'granted', label: string): Html =>
    html`<button name="choice" value="${value}" aria-pressed="${choice === value ? 'true' : 'false'}">${label}<span class="unseen"> ${name}</span></button>`
  return html`<section class="card" id="${purpose}"><div class="row"><h2>${name}</h2>${choiceTag(purpose, { compiled, choices, language })}</div>
<p>${means}</p><form method="post" action="${ROOT}/choices" class="pair">${csrf}<input type="hidden" name="purpose" value="${purpose}">
${button('refused', choice === 'granted' ? words.withdraw : words.refuse)}${button('granted', words.allow)}</form></section>`
}

function fixedCard({ deps, locale: { language } }: Turn, purpose: Purpose): Html {
  const { compiled } = deps.active()
  const { name, means } = purposeWords(purpose, language, compiled)
  return html`<section class="card"><div class="row"><h3>${name}</h3><span class="tag">${basisWords(compiled.basisOf[purpose], language)}</span></div><p>${means}</p></section>`
}

/** POST /privacy/choices: in force when it is answered. */
export async function makeChoice({ deps, person, visit, form, ask }: OwnTurn): Promise<GoReply> {
  if (person === undefined || visit.who === undefined) return { go: '/choices' }
  const { needsConsent } = deps.active().compiled
  const named = form.text('purpose') ?? ''
  const purposes = named === 'all' ? purposesIn(needsConsent) : isPurpose(named) ? [named] : []
  const choice = form.text('choice')
  const fits = purposes.length > 0 && purposes.every((one) => (needsConsent & bitOf(one)) !== 0)
  if (!fits || (choice !== 'granted' && choice !== 'refused')) {
    throw new AppError('invalid', 'This is no choice.', { code: 'form-unreadable' })
  }
  const choices = { granted: choice === 'granted' ? purposes : [], refused: choice === 'refused' ? purposes : [] }
  await choose(deps, { person, who: visit.who, addressPrefix: ask.addressPrefix }, choices)
  const back = form.text('back') === 'tags' ? '/tags' : '/choices'
  return { go: back, visit: { ...visit, said: 'choice-recorded' } }
}
