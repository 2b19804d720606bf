import { PURPOSES } from '../../event/purpose.ts'
import { type OutsideRecipient, outsideRecipients } from '../data/outside.ts'
import { number } from '../format.ts'
import { type Html, html } from '../html.ts'
import { ROOT } from '../layout.ts'
import type { PageReply, Told, Turn } from '../turn.ts'
import { basisWords, classWords, destinationWords, lawWords, purposeWords, regionWords, roleWords } from '../words.ts'

interface Words {
  readonly title: string
  readonly weir: readonly string[]
  readonly purposes: string
  readonly purpose: string
  readonly means: string
  readonly basis: string
  readonly recipients: string
  readonly recipientsHow: string
  readonly recipient: string
  readonly role: string
  readonly region: string
  readonly keeping: string
  readonly keepingHow: string
  readonly kind: string
  readonly kept: string
  readonly days: (n: string) => string
  readonly law: (days: string, law: string | undefined) => string
  readonly rights: string
  readonly ask: string
}

const WORDS: Told<Words> = {
  'zh-CN': {
    title: '我们如何处理个人信息',
    weir: [
      '商店网站的数据先到达 Weir。Weir 逐条判断：您是否同意、法律是否允许。不符合的不收集；符合的，只把所需字段交给所需的接收方。',
      '内容用只属于您的密钥加密封存。接收方看到的是去标识化标识，彼此无法拼接。',
      '每次查看您的信息都先记入防篡改日志。密钥销毁后，内容任何人都无法再打开。',
    ],
    purposes: '处理目的',
    purpose: '目的',
    means: '用来做什么',
    basis: '依据',
    recipients: '接收方',
    recipientsHow: '除此之外，不提供给任何人。',
    recipient: '接收方',
    role: '角色',
    region: '所在地',
    keeping: '保存多久',
    keepingHow:
      '只要还有一项用途允许就会保存，最迟到保存期限，到期自动删除。撤回同意后，只为该目的保存的信息（例如订单）随即删除。',
    kind: '类别',
    kept: '保存期限',
    days: (n) => `${n} 天`,
    law: (n, law) =>
      `法律要求保存 ${n} 天${law === undefined ? '' : `（${law}）`}：提出删除时，法律要求保存的部分另行存放，停用，仅依法保存`,
    rights: '您的权利',
    ask: '查阅、复制、更正、删除、限制使用、拒绝：提出请求',
  },
  en: {
    title: 'How we use personal data',
    weir: [
      'What the shop’s website sends comes to Weir first. For each piece it decides: did you allow it, does the law? What does not pass is not gathered. What passes goes to who needs it, and only the fields that are needed.',
      'Content is sealed under a key that is yours alone. Recipients see a pseudonym, and cannot join what they have.',
      'Every look at your data is entered in a tamper-evident log first. Once your key is destroyed, nobody can open the content again.',
    ],
    purposes: 'What data is used for',
    purpose: 'Purpose',
    means: 'What for',
    basis: 'Rests on',
    recipients: 'Who receives it',
    recipientsHow: 'Nobody else does.',
    recipient: 'Recipient',
    role: 'Uses it',
    region: 'Where',
    keeping: 'How long it is kept',
    keepingHow:
      'For as long as a purpose permits, at the longest for this time; then it goes by itself. Take a consent back, and what was kept for that purpose alone, orders too, is erased at once.',
    kind: 'Kind',
    kept: 'Kept for',
    days: (n) => `${n} days`,
    law: (n, law) =>
      `A law asks for ${n} days${law === undefined ? '' : ` (${law})`}: what an erasure finds of it is set aside for so long, and used for nothing`,
    rights: 'Your rights',
    ask: 'See, copy, correct, erase, restrict, object: make a request',
  },
}

/** GET /privacy/policy: the policy that decides now, in words. */
export async function policyPage(turn: Turn): Promise<PageReply> {
  const words = WORDS[turn.locale.language]
  const outside = await outsideRecipients(turn.deps.db)
  return {
    title: words.title,
    body: html`<h1>${words.title}</h1>${words.weir.map((one) => html`<p>${one}</p>`)}
<h2>${words.purposes}</h2>${purposeTable(turn)}
<h2>${words.recipients}</h2>${recipientTable(turn, outside)}<p>${words.recipientsHow}</p>
<h2>${words.keeping}</h2><p>${words.keepingHow}</p>${keepingTable(turn)}
<h2>${words.rights}</h2><p><a class="button main" href="${ROOT}/ask">${words.ask}</a></p>`,
  }
}

function purposeTable({ deps, locale: { language } }: Turn): Html {
  const words = WORDS[language]
  const { compiled } = deps.active()
  const rows = PURPOSES.map((purpose) => {
    const { name, means } = purposeWords(purpose, language, compiled)
    return html`<tr><th scope="row">${name}</th><td data-label="${words.means}">${means}</td>
<td data-label="${words.basis}">${basisWords(compiled.basisOf[purpose], language)}</td></tr>`
  })
  return html`<table><thead><tr><th scope="col">${words.purpose}</th><th scope="col">${words.means}</th><th scope="col">${words.basis}</th></tr></thead><tbody>${rows}</tbody></table>`
}

function recipientTable({ deps, locale: { language } }: Turn, outside: readonly OutsideRecipient[]): Html {
  const words = WORDS[language]
  const { compiled } = deps.active()
  const inside = compiled.destinations.map(({ name, purpose, role, region }) => ({
    name: destinationWords(name, language),
    purpose: purposeWords(purpose, language, compiled).name,
    role,
    region,
  }))
  const rows = [...inside, ...outside.map((one) => ({ ...one, purpose: '–' }))].map(
    ({ name, purpose, role, region }) => html`<tr><th scope="row">${name}</th>
<td data-label="${words.purpose}">${purpose}</td><td data-label="${words.role}">${roleWords(role, language)}</td>
<td data-label="${words.region}">${regionWords(region, language)}</td></tr>`,
  )
  return html`<table><thead><tr><th scope="col">${words.recipient}</th><th scope="col">${words.purpose}</th><th scope="col">${words.role}</th><th scope="col">${words.region}</th></tr></thead><tbody>${rows}</tbody></table>`
}

function keepingTable({ deps, locale }: Turn): Html {
  const words = WORDS[locale.language]
  const rows = [...deps.active().compiled.classes.values()].map((one) => {
    const { name, means } = classWords(one.name, locale.language)
    const floor =
      one.floorDays !== undefined &&
      html`<span class="hint">${words.law(number(one.floorDays, locale), one.floorBasis && lawWords(one.floorBasis, locale.language))}</span>`
    return html`<tr><th scope="row">${name}<span class="hint">${means}</span></th>
<td data-label="${words.kept}">${words.days(number(one.retainDays, locale))}${floor}</td></tr>`
  })
  return html`<table><thead><tr><th scope="col">${words.kind}</th><th scope="col">${words.kept}</th></tr></thead><tbody>${rows}</tbody></table>`
}
