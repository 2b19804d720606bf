import { AppError } from '../../errors.ts'
import { isPurpose, purposesIn } from '../../event/purpose.ts'
import { type AskInput, createRequest, type ProvenSession } from '../../rights/create.ts'
import { REGIMES } from '../../rights/regimes.ts'
import { RIGHTS, type Right } from '../../rights/request.ts'
import { type Correctable, correctableFields, nameOf } from '../correctable.ts'
import { identifiersOf } from '../data/identifiers.ts'
import { personOf } from '../data/person.ts'
import { type Html, html } from '../html.ts'
import { ROOT } from '../layout.ts'
import type { GoReply, PageReply, Reply, Turn } from '../turn.ts'
import { follow } from '../visit.ts'
import { purposeWords } from '../words.ts'
import { fieldWords, ASK_WORDS as WORDS } from './ask-words.ts'
import { nobodyNote } from './nobody.ts'
import { RIGHT_WORDS } from './right-words.ts'
import { fieldMarks, fieldWrong, orAgain } from './wrong.ts'

/** GET /privacy/ask: the six rights. */
export function rightsPage({ locale: { language } }: Turn): PageReply {
  const words = WORDS[language]
  return {
    title: words.title,
    body: html`<h1>${words.title}</h1><p>${words.lead}</p><ul class="grid">${RIGHTS.map((right) => {
      const { name, what } = RIGHT_WORDS[language][right]
      return html`<li class="card"><h2>${name}</h2><p>${what}</p><p><a class="button" href="${ROOT}/ask/${right}">${words.choose}<span class="unseen"> ${name}</span></a></p></li>`
    })}</ul>`,
  }
}

/** GET /privacy/ask/:right: what happens, when, what stays; and what is needed to ask. */
export async function askPage(turn: Turn): Promise<PageReply> {
  const { deps, visit, locale, csrf } = turn
  const right = rightOf(turn)
  const words = WORDS[locale.language]
  const about = RIGHT_WORDS[locale.language][right]
  const isNobody = visit.who !== undefined && (await personOf(deps, visit.who)) === undefined
  const form = html`<form method="post" action="${ROOT}/ask/${right}">${csrf}
${visit.who === undefined && identityFields(turn, right)}
${right === 'correction' && correctionFields(turn)}${right === 'objection' && purposeFields(turn)}
${lawField(turn)}
<p class="actions"><button class="${right === 'erasure' ? 'danger' : 'main'}">${words.press[right]}</button> <a class="button" href="${ROOT}/ask">${words.not}</a></p></form>`
  return {
    title: about.name,
    body: html`<h1>${about.name}</h1><p class="lead">${about.what}</p>
<dl class="facts card"><dt>${words.happens}</dt><dd>${about.happens}</dd><dt>${words.when}</dt><dd>${about.when}</dd><dt>${words.stays}</dt><dd>${about.stays}</dd></dl>
${isNobody ? nobodyNote(turn) : form}`,
  }
}

function identityFields(turn: Turn, right: Right): Html {
  const { deps, form, locale } = turn
  const { language } = locale
  const words = WORDS[language]
  const ways = [
    ...(deps.channels.mail ? (['mail-code', 'mail-link'] as const) : []),
    ...(deps.channels.sms ? (['sms-code'] as const) : []),
  ]
  const options = ways.map(
    (way) => html`<option value="${way}"${form.text('way') === way && html` selected`}>${words.ways[way]}</option>`,
  )
  const how = html`<div class="field"><label for="way">${words.way}</label><select id="way" name="way"><option value="">${words.wayAny}</option>${options}</select></div>`
  return html`<fieldset><legend>${words.whoAreYou}</legend><p>${right === 'objection' ? words.whoHowNo : words.whoHow}</p>
<div class="field"><label for="address">${words.address}<span class="hint" id="address-hint">${words.addressHint}</span></label>
<input type="text" id="address" name="address" required maxlength="320" value="${form.text('address')}" autocomplete="email" autocapitalize="none" spellcheck="false"${fieldMarks(turn, 'address', 'address-hint')}>${fieldWrong(turn, 'address')}</div>
${right !== 'objection' && how}</fieldset>`
}

function correctionFields(turn: Turn): Html {
  const { deps, form, locale } = turn
  const { language } = locale
  const words = WORDS[language]
  const chosen = form.text('path')
  const options = correctableFields(deps.active().compiled)
    .map(nameOf)
    .map(
      (name) =>
        html`<option value="${name}"${name === chosen && html` selected`}>${fieldWords(name, language)}</option>`,
    )
  return html`<fieldset><legend>${words.correct}</legend>
<div class="field"><label for="path">${words.path}</label><select id="path" name="path" required${fieldMarks(turn, 'path', 'path-hint')}><option value="">${words.pathChoose}</option>${options}</select><span class="hint" id="path-hint">${words.pathHow}</span>${fieldWrong(turn, 'path')}</div>
<div class="field"><label for="from">${words.from}<span class="hint" id="from-hint">${words.fromHint}</span></label><input type="text" id="from" name="from" maxlength="255" value="${form.text('from')}" autocomplete="off" aria-describedby="from-hint"></div>
<div class="field"><label for="to">${words.to}</label><input type="text" id="to" name="to" required maxlength="255" value="${form.text('to')}" autocomplete="off"></div></fieldset>`
}

/** None is ticked before the person does: what is kept for a purpose alone goes with it, for good. */
function purposeFields(turn: Turn): Html {
  const { deps, form, wrong, locale } = turn
  const { language } = locale
  const words = WORDS[language]
  const ticked = form.all('purpose')
  const { compiled } = deps.active()
  const ticks = purposesIn(compiled.needsConsent).map((purpose) => {
    const { name, means } = purposeWords(purpose, language, compiled)
    return html`<label class="tick"><input type="checkbox" name="purpose" value="${purpose}"${ticked.includes(purpose) && html` checked`}><span>${name}<span class="hint">${means}</span></span></label>`
  })
  return html`<fieldset aria-describedby="purpose-hint${wrong?.field === 'purpose' && ' purpose-wrong'}"><legend>${words.purposes}</legend>
<p class="hint" id="purpose-hint">${words.purposesHow}</p>${fieldWrong(turn, 'purpose')}${ticks}</fieldset>`
}

function lawField({ form, locale: { language } }: Turn): Html {
  const words = WORDS[language]
  const usual = form.text('law') ?? (language === 'zh-CN' ? 'PIPL' : 'GDPR')
  const options = REGIMES.map(
    (one) => html`<option value="${one}"${one === usual && html` selected`}>${words.laws[one]}</option>`,
  )
  return html`<div class="field"><label for="law">${words.law}<span class="hint" id="law-hint">${words.lawHint}</span></label><select id="law" name="law" aria-describedby="law-hint">${options}</select></div>`
}

/** Fields of the form that an error is about, by its code. */
const FIELDS = { 'purpose-missing': 'purpose', 'bad-identifier': 'address', 'change-missing': 'path' }

/** POST /privacy/ask/:right: one answer, whoever is known. */
export async function makeRequest(turn: Turn): Promise<Reply> {
  return orAgain(turn, { fields: FIELDS, form: askPage }, () => make(turn))
}

async function make(turn: Turn): Promise<GoReply> {
  const { deps, form, ask, visit, locale } = turn
  const right = rightOf(turn)
  const law = REGIMES.find((one) => one === form.text('law'))
  const who = await whoAsks(turn)
  const made = await createRequest(deps, {
    right,
    language: locale.language,
    addressPrefix: ask.addressPrefix,
    ...who,
    ...(law === undefined ? {} : { regime: law }),
    ...(right === 'correction' ? { changes: [changeOf(turn)] } : {}),
    ...(right === 'objection' ? { purposes: purposesOf(turn) } : {}),
  })
  return {
    go: `/requests/${made.requestId}`,
    visit: { ...follow(visit, made.requestId, made.secret), said: 'request-made' },
  }
}

function rightOf({ params }: Turn): Right {
  const right = RIGHTS.find((one) => one === params.right)
  if (right === undefined) throw new AppError('not-found', 'There is no such page.', { code: 'no-such-page' })
  return right
}

type Named = Pick<AskInput, 'identifier' | 'session' | 'verifyBy'>

async function whoAsks({ deps, form, visit, now }: Turn): Promise<Named> {
  if (visit.who === undefined) {
    const value = form.text('address') ?? ''
    const way = (['mail-code', 'mail-link', 'sms-code'] as const).find((one) => one === form.text('way', 20))
    const identifier = { type: value.includes('@') ? ('email' as const) : ('phone' as const), value }
    return { identifier, ...(way === undefined ? {} : { verifyBy: way }) }
  }
  const { who } = visit
  const person = await personOf(deps, who)
  const onFile = person === undefined ? [] : await identifiersOf(deps, [person.subject])
  // By a code only that address is proved beside the user; a phone number that is on file too was not.
  const proved = onFile.filter(({ type }) => type === 'user_id' || type === 'anonymous_id' || type === who.type)
  const identifiers = proved.map((one) => ({ ...one, verified: true }))
  const [first] = identifiers
  if (first === undefined) throw new AppError('conflict', 'Nothing is held of this person.', { code: 'person-erased' })
  const stale = who.stale || now - who.provedAt > FRESH_MS
  const session: ProvenSession = { proof: who.proof, identifiers, stale }
  return { identifier: { type: first.type, value: first.value }, session }
}

/** As a token's auth_time may be old where an erasure is asked for. */
const FRESH_MS = 600_000

function changeOf({ deps, form }: Turn): Correctable & { from?: string; to: string } {
  const named = form.text('path')
  const field = correctableFields(deps.active().compiled).find((one) => nameOf(one) === named)
  const to = form.text('to')
  const from = form.text('from')
  if (field === undefined || to === undefined) {
    throw new AppError('invalid', 'Say which field, and what is right.', { code: 'change-missing' })
  }
  return { ...field, to, ...(from === undefined ? {} : { from }) }
}

function purposesOf({ form, deps }: Turn): AskInput['purposes'] & {} {
  const asked = purposesIn(deps.active().compiled.needsConsent)
  const chosen = form.all('purpose').filter((one) => isPurpose(one) && asked.includes(one))
  if (chosen.length === 0) throw new AppError('invalid', 'Choose at least one purpose.', { code: 'purpose-missing' })
  return asked.filter((purpose) => chosen.includes(purpose))
}
