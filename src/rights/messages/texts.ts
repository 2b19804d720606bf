import type { Language, Retained, Right } from '../request.ts'
import { classWords, lawWords } from '../words.ts'
import type { Template } from './queue.ts'

/** What a message tells, already in the person's language where it is words. Nothing that the person typed is in it. */
export interface Facts {
  readonly right: Right
  /** The request's number as people quote it. */
  readonly number: string
  /** Where the request is followed. */
  readonly statusUrl: string
  /** Where another request is made. */
  readonly askUrl: string
  /** A link works in the browser that asked alone. */
  readonly sameBrowser?: boolean
  /** Where it is taken back: a page with one button. */
  readonly cancelUrl: string
  /** Whether it can be taken back now. */
  readonly canCancel: boolean
  /** Of an erasure: where its receipt is, for who has no other secret. */
  readonly receiptUrl?: string
  readonly proof?: { readonly link: string } | { readonly code: string }
  /** The name of who asks with a mandate. */
  readonly agent?: string
  /** Day and time with their zone: Beijing’s in Chinese, UTC else. */
  readonly coolingUntil?: string
  /** Day. */
  readonly answerBy?: string
  readonly extendedUntil?: string
  /** Why it takes longer. */
  readonly extension?: string
  /** Why, by which article, and what can be done about it. */
  readonly refusal?: { readonly reason: string; readonly article: string; readonly remedy: string }
  /** The officer's own words. */
  readonly words?: string
  readonly retained?: readonly Retained[]
  readonly partial?: boolean
  /** Of a correction: how many values it changed. */
  readonly corrected?: number
}

export interface Said {
  readonly subject: string
  readonly text: string
}

/** A message in plain words, from the shop by its name; paragraphs with a blank line between. */
export function textOf(template: Template, language: Language, facts: Facts, shop: string): Said {
  const { subject, paragraphs } = (language === 'zh-CN' ? chinese : english)[template](facts)
  const foot = language === 'zh-CN' ? `${shop}\n请求编号：${facts.number}` : `${shop}\nRequest number: ${facts.number}`
  const head =
    language === 'zh-CN' ? `这是 ${shop} 就您的个人信息请求发送的邮件。` : `This is ${shop}, about your personal data.`
  const text = [head, ...paragraphs.filter((one) => one !== undefined && one !== ''), foot].join('\n\n')
  return { subject: `${shop}${language === 'zh-CN' ? '：' : ': '}${subject}`, text }
}

/** The same in one line of an SMS. */
export function shortTextOf(template: Template, language: Language, facts: Facts, shop: string): string {
  return `${shop}${language === 'zh-CN' ? '：' : ': '}${(language === 'zh-CN' ? shortChinese : shortEnglish)(template, facts)}`
}

type Paragraphs = readonly (string | undefined)[]
type Texts = Readonly<Record<Template, (facts: Facts) => { readonly subject: string; readonly paragraphs: Paragraphs }>>

const RIGHT_EN: Readonly<Record<Right, string>> = {
  access: 'to see what is held about you',
  portability: 'to get your data in a form that you can take elsewhere',
  correction: 'to have your data corrected',
  erasure: 'to have your data erased',
  restriction: 'to have your data kept but not used',
  objection: 'that your data is no longer used for certain purposes',
}

const RIGHT_ZH: Readonly<Record<Right, string>> = {
  access: '查阅我们持有的关于您的信息',
  portability: '获取您的信息副本并可转移到别处',
  correction: '更正您的信息',
  erasure: '删除您的信息',
  restriction: '停止使用、仅保存您的信息',
  objection: '不再将您的信息用于某些用途',
}

function askedEn({ agent, right }: Facts): string {
  const who = agent === undefined ? 'Somebody asked us, with your address,' : `${agent} asked us, on your behalf,`
  return `${who} ${RIGHT_EN[right]}.`
}

function askedZh({ agent, right }: Facts): string {
  return agent === undefined
    ? `有人以您的联系方式向我们提出请求：${RIGHT_ZH[right]}。`
    : `${agent} 代您向我们提出请求：${RIGHT_ZH[right]}。`
}

function codeOf({ proof }: Facts, words: string): readonly string[] {
  return proof !== undefined && 'code' in proof ? [words, proof.code] : []
}

/** What is done within moments is over before its mail is read: then what ends it is said, not that it can be taken back. */
function notYouEn({ right, canCancel, cancelUrl, statusUrl }: Facts): string {
  if (right === 'access' || right === 'portability') {
    return `Was it not you? Nothing is handed out without another code that is sent to you alone: tell it to nobody. Somebody else may know the secret of this request, or use your account at the shop: ${canCancel ? `take it back (${cancelUrl}), and ` : ''}change your password there.`
  }
  if (right === 'restriction') return `Was it not you, or not any more? You can have your data used again: ${statusUrl}`
  return canCancel
    ? `Was it not you? Take it back with one press of a button, as long as nothing was done: ${cancelUrl}`
    : `Was it not you? Tell the shop: ${statusUrl}`
}

function notYouZh({ right, canCancel, cancelUrl, statusUrl }: Facts): string {
  if (right === 'access' || right === 'portability') {
    return `不是您本人？没有再次发送给您的验证码，任何内容都不会提供：请勿告诉任何人。可能有他人知道请求密码，或使用了您在商店的账号：请${canCancel ? `撤回请求（${cancelUrl}），并` : ''}更改商店密码。`
  }
  if (right === 'restriction') return `不是您本人，或改变了主意？可以恢复使用您的信息：${statusUrl}`
  return canCancel ? `不是您本人？尚未处理时，点一下按钮即可撤回：${cancelUrl}` : `不是您本人？请告知商店：${statusUrl}`
}

const english: Texts = {
  proof: (facts) => ({
    subject: 'Please confirm your request',
    paragraphs: [
      askedEn(facts),
      ...(facts.proof === undefined
        ? []
        : 'link' in facts.proof
          ? [
              `If that was you, open this link${facts.sameBrowser === true ? ' in the browser in which you asked' : ''} and press the button there. Opening it alone does nothing. It is good for 24 hours.`,
              facts.proof.link,
            ]
          : [
              'If that was you, type this code where you asked. It is good for 15 minutes. Tell it to nobody: we never ask for it.',
              facts.proof.code,
            ]),
      'If it was not you, do nothing: nothing happens, and nobody learns anything about you.',
    ],
  }),
  received: (facts) => ({
    subject: 'We have your request',
    paragraphs: [
      `You asked us ${RIGHT_EN[facts.right]}. It is confirmed that this is you.`,
      facts.answerBy === undefined ? undefined : `You will have an answer by ${facts.answerBy}.`,
      `See how far it is: ${facts.statusUrl}`,
      notYouEn(facts),
    ],
  }),
  'erasure-begins': (facts) => ({
    subject: 'Your data is about to be erased',
    paragraphs: [
      'You asked us to erase your data. It is no longer used for anything as of now.',
      facts.coolingUntil === undefined
        ? undefined
        : `It is erased after ${facts.coolingUntil}. Until then you can take this back.`,
      `Was it not you, or have you changed your mind? One press of a button stops it: ${facts.cancelUrl}`,
      'This message went to every address and number that we have for you.',
    ],
  }),
  done: (facts) => ({
    subject: facts.right === 'erasure' ? 'Your data is erased' : 'Your request is done',
    paragraphs: [
      facts.right === 'erasure'
        ? 'What we held about you is erased, and we have looked everywhere for what might be left.'
        : `You asked us ${RIGHT_EN[facts.right]}. That is done.`,
      facts.corrected === undefined
        ? undefined
        : facts.corrected === 0
          ? 'We looked everywhere and found nothing that had to be changed.'
          : `Values that were changed: ${facts.corrected}. What was worked out from them is worked out anew.`,
      facts.partial === true ? retainedEn(facts) : undefined,
      facts.receiptUrl === undefined
        ? `See what was done, and who else was told: ${facts.statusUrl}`
        : `What was done, who else was told, and a receipt that you can check without us: ${facts.receiptUrl}`,
      facts.receiptUrl === undefined
        ? undefined
        : 'You need no password for it. Keep the receipt and its check code, which is shown there once, within 30 days.',
    ],
  }),
  refused: (facts) => ({
    subject: 'We cannot do what you asked',
    paragraphs: [
      `You asked us ${RIGHT_EN[facts.right]}. We cannot do this, for this reason:`,
      facts.refusal?.reason,
      facts.words,
      facts.refusal === undefined || facts.refusal.article === '' ? undefined : `It rests on: ${facts.refusal.article}`,
      facts.refusal?.remedy,
      `Your request: ${facts.statusUrl}`,
    ],
  }),
  'download-ready': (facts) => ({
    subject: 'Your data is ready',
    paragraphs: [
      'What is held about you is ready to be downloaded, for 7 days. You are asked once more who you are before it is handed out.',
      `Download it here: ${facts.statusUrl}`,
      'It is not attached: mail is read by more people than you.',
    ],
  }),
  'download-code': (facts) => ({
    subject: 'The code for your download',
    paragraphs: [
      'Somebody who follows your request wants to download what is held about you.',
      ...codeOf(
        facts,
        'If that is you, type this code there. It is good for 15 minutes. Tell it to nobody: we never ask for it.',
      ),
      'If it is not you, do nothing: nothing is handed out. Then somebody else may know the secret of your request: ask us to end it.',
    ],
  }),
  extended: (facts) => ({
    subject: 'Your request takes longer',
    paragraphs: [
      facts.extendedUntil === undefined
        ? 'Your request takes longer.'
        : `Your request takes longer: you will have an answer by ${facts.extendedUntil}.`,
      facts.extension,
      facts.words,
      `Your request: ${facts.statusUrl}`,
    ],
  }),
  cancelled: (facts) => ({
    subject: 'Your request was taken back',
    paragraphs: [
      `The request ${RIGHT_EN[facts.right]} was taken back. Nothing was done, and your data is used again as you allowed before.`,
      `If that was not you, ask again: ${facts.askUrl}`,
    ],
  }),
  'remainder-gone': () => ({
    subject: 'The rest of your data is gone',
    paragraphs: [
      'When we erased your data, a law made us keep a part of it. That time is over, and that part is erased too. We hold nothing about you any more, this address included.',
    ],
  }),
  'restriction-ends': (facts) => ({
    subject: 'Your data will be used again',
    paragraphs: [
      'At your request we only kept your data and used it for nothing. That ends now: it is used again for what you allow.',
      `You can object, or withdraw what you allowed, at any time: ${facts.statusUrl}`,
    ],
  }),
  accessed: (facts) => ({
    subject: 'Somebody looked at your data',
    paragraphs: [
      'An employee of the shop looked at data about you, with a second person’s approval and for a reason that is on record.',
      `Who saw what, and when: ${facts.statusUrl}`,
    ],
  }),
}

const chinese: Texts = {
  proof: (facts) => ({
    subject: '请确认您的请求',
    paragraphs: [
      askedZh(facts),
      ...(facts.proof === undefined
        ? []
        : 'link' in facts.proof
          ? [
              `如果是您本人，请${facts.sameBrowser === true ? '在提出请求的浏览器中' : ''}打开下面的链接，并点击页面上的按钮。仅打开链接不会有任何效果。链接 24 小时内有效。`,
              facts.proof.link,
            ]
          : [
              '如果是您本人，请在提出请求的页面输入以下验证码，15 分钟内有效。请勿告诉任何人，我们不会向您索取。',
              facts.proof.code,
            ]),
      '如果不是您本人，请忽略本邮件：不会发生任何事，也没有人会得知您的任何信息。',
    ],
  }),
  received: (facts) => ({
    subject: '已收到您的请求',
    paragraphs: [
      `您请求我们：${RIGHT_ZH[facts.right]}。您的身份已确认。`,
      facts.answerBy === undefined ? undefined : `我们将在 ${facts.answerBy} 之前答复您。`,
      `查看进度：${facts.statusUrl}`,
      notYouZh(facts),
    ],
  }),
  'erasure-begins': (facts) => ({
    subject: '您的信息即将被删除',
    paragraphs: [
      '您请求我们删除您的信息。从现在起，这些信息已停止使用。',
      facts.coolingUntil === undefined ? undefined : `${facts.coolingUntil} 之后将正式删除，在此之前您可以撤回。`,
      `不是您本人，或者改变了主意？点一下按钮即可停止：${facts.cancelUrl}`,
      '本通知已发送到我们持有的您的所有邮箱和号码。',
    ],
  }),
  done: (facts) => ({
    subject: facts.right === 'erasure' ? '您的信息已删除' : '您的请求已完成',
    paragraphs: [
      facts.right === 'erasure'
        ? '我们持有的关于您的信息已删除，并已全面检索是否还有遗留。'
        : `您请求我们：${RIGHT_ZH[facts.right]}。已完成。`,
      facts.corrected === undefined
        ? undefined
        : facts.corrected === 0
          ? '我们已全面检索，没有发现需要更正的内容。'
          : `已更正 ${facts.corrected} 处，由其得出的结果也已重新计算。`,
      facts.partial === true ? retainedZh(facts) : undefined,
      facts.receiptUrl === undefined
        ? `查看处理情况以及已通知的接收方：${facts.statusUrl}`
        : `处理情况、已通知的接收方，以及一份您可以自行核验的删除回执：${facts.receiptUrl}`,
      facts.receiptUrl === undefined
        ? undefined
        : '打开无需密码。请保存回执和核验码：核验码在页面上只显示一次，30 天内有效。',
    ],
  }),
  refused: (facts) => ({
    subject: '您的请求未获同意',
    paragraphs: [
      `您请求我们：${RIGHT_ZH[facts.right]}。我们未能照办，理由如下：`,
      facts.refusal?.reason,
      facts.words,
      facts.refusal === undefined || facts.refusal.article === '' ? undefined : `依据：${facts.refusal.article}`,
      facts.refusal?.remedy,
      `您的请求：${facts.statusUrl}`,
    ],
  }),
  'download-ready': (facts) => ({
    subject: '您的信息可以下载了',
    paragraphs: [
      '关于您的信息已可下载，7 天内有效。下载前会再次确认您的身份。',
      `在此下载：${facts.statusUrl}`,
      '我们不以附件发送：邮件可能被他人看到。',
    ],
  }),
  'download-code': (facts) => ({
    subject: '下载您信息的验证码',
    paragraphs: [
      '有人在查看您的请求，并要下载我们持有的关于您的信息。',
      ...codeOf(facts, '如果是您本人，请在该页面输入以下验证码，15 分钟内有效。请勿告诉任何人，我们不会向您索要。'),
      '如果不是您本人，无需操作，不会提供任何信息。此时可能有他人知道您请求的密码，请联系我们终止该请求。',
    ],
  }),
  extended: (facts) => ({
    subject: '您的请求需要更长时间',
    paragraphs: [
      facts.extendedUntil === undefined
        ? '您的请求需要更长时间。'
        : `您的请求需要更长时间，我们将在 ${facts.extendedUntil} 之前答复您。`,
      facts.extension,
      facts.words,
      `您的请求：${facts.statusUrl}`,
    ],
  }),
  cancelled: (facts) => ({
    subject: '您的请求已撤回',
    paragraphs: [
      `请求“${RIGHT_ZH[facts.right]}”已撤回，未做任何处理，您的信息恢复按您此前同意的方式使用。`,
      `如果不是您本人撤回，请重新提出：${facts.askUrl}`,
    ],
  }),
  'remainder-gone': () => ({
    subject: '您剩余的信息已删除',
    paragraphs: [
      '此前删除您的信息时，法律要求我们保留其中一部分。保留期限已满，该部分也已删除。我们不再持有关于您的任何信息，包括本邮箱地址。',
    ],
  }),
  'restriction-ends': (facts) => ({
    subject: '您的信息即将恢复使用',
    paragraphs: [
      '应您的请求，您的信息此前已停用、仅保存。停用现在结束：您的信息将恢复用于您同意的用途。',
      `您可以随时提出反对，或撤回同意：${facts.statusUrl}`,
    ],
  }),
  accessed: (facts) => ({
    subject: '有人查看了您的信息',
    paragraphs: [
      '商店的一名工作人员查看了关于您的信息，经第二人批准，理由已记录在案。',
      `谁在何时看了什么：${facts.statusUrl}`,
    ],
  }),
}

function retainedEn({ retained = [] }: Facts): string {
  const lines = retained.map((one) => `- ${classWords(one.class, 'en').name}: until ${one.until}, by ${one.ground}`)
  return [
    'A part must be kept, by a law or an authority’s order; it is used for nothing else, and is erased by itself at its end:',
    ...lines,
  ].join('\n')
}

function retainedZh({ retained = [] }: Facts): string {
  const lines = retained.map(
    (one) => `- ${classWords(one.class, 'zh-CN').name}：保存至 ${one.until}，依据：${lawWords(one.ground, 'zh-CN')}`,
  )
  return ['其中一部分因法律或主管机关要求须保留，已停用，到期自动删除：', ...lines].join('\n')
}

function shortEnglish(template: Template, facts: Facts): string {
  const { proof, coolingUntil, cancelUrl, statusUrl, receiptUrl } = facts
  if (template === 'proof' && proof !== undefined && 'code' in proof) {
    return `${proof.code} confirms your data request, for 15 minutes. Not you? Ignore this, and tell it to nobody.`
  }
  if (template === 'download-code' && proof !== undefined && 'code' in proof) {
    return `${proof.code} is the code for your download, for 15 minutes. Not you? Ignore this, and tell it to nobody.`
  }
  if (template === 'erasure-begins')
    return `Your data is erased after ${coolingUntil ?? 'a day'}. Stop it: ${cancelUrl}`
  if (template === 'done' && receiptUrl !== undefined) return `Your data is erased. Your receipt: ${receiptUrl}`
  return `There is news of your data request: ${statusUrl}`
}

function shortChinese(template: Template, facts: Facts): string {
  const { proof, coolingUntil, cancelUrl, statusUrl, receiptUrl } = facts
  if (template === 'proof' && proof !== undefined && 'code' in proof) {
    return `验证码 ${proof.code}，用于确认您的个人信息请求，15 分钟内有效。非本人请忽略，切勿告诉他人。`
  }
  if (template === 'download-code' && proof !== undefined && 'code' in proof) {
    return `验证码 ${proof.code}，用于下载您的个人信息，15 分钟内有效。非本人请忽略，切勿告诉他人。`
  }
  if (template === 'erasure-begins') return `您的信息将于 ${coolingUntil ?? '一天'} 后删除。撤回：${cancelUrl}`
  if (template === 'done' && receiptUrl !== undefined) return `您的信息已删除。删除回执：${receiptUrl}`
  return `您的个人信息请求有新进展：${statusUrl}`
}
