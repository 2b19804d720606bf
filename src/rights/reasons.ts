import { REASONS, type RefusalCode } from './reason-texts.ts'
import { isRegime, type Regime } from './regimes.ts'
import type { Language, Right } from './request.ts'

/** Why an answer takes longer: a person gives one of these when a request is extended. */
export const EXTENSION_REASONS = ['complex', 'many-requests'] as const
export type ExtensionReason = (typeof EXTENSION_REASONS)[number]

export const REFUSAL_CODES = Object.keys(REASONS) as readonly RefusalCode[]

/** What a refusal is about. */
export interface Refused {
  readonly code: RefusalCode
  readonly right: Right
  readonly regime: string
}

export function isRefusalCode(word: string): word is RefusalCode {
  return word in REASONS
}

/** The article that this reason rests on there; undefined where it is no reason to refuse that right under that law. */
export function articleOf({ code, right, regime }: Refused): string | undefined {
  const { rights, articles } = REASONS[code]
  return rights.includes(right) && isRegime(regime) ? articles[regime] : undefined
}

/** The reasons that an officer can give for refusing this right under this law. */
export function reasonsFor(right: Right, regime: string): RefusalCode[] {
  return REFUSAL_CODES.filter((code) => articleOf({ code, right, regime }) !== undefined)
}

/** What the person is told beside the officer's own words: why, by which article, and what they can do about it. */
export interface RefusalText {
  readonly reason: string
  readonly article: string
  /** Complaint and court (PIPL art. 50, GDPR art. 12(4)): never left out. */
  readonly remedy: string
}

/** In the person's language. Where the code is not one of these, or rests on nothing there, the reason is told without an article. */
export function refusalText(
  { code, right, regime }: Omit<Refused, 'code'> & { readonly code: string },
  language: Language,
): RefusalText {
  const known = isRefusalCode(code) ? code : undefined
  return {
    reason: known === undefined ? UNNAMED[language] : REASONS[known].text[language],
    article: (known && articleOf({ code: known, right, regime })) ?? '',
    remedy: isRegime(regime) ? REMEDIES[regime][language] : REMEDIES.PIPL[language],
  }
}

export function extensionText(code: ExtensionReason, language: Language): string {
  return EXTENSIONS[code][language]
}

type Told = Readonly<Record<Language, string>>

const UNNAMED: Told = {
  'zh-CN': '您的请求未获同意，理由见下文。',
  en: 'Your request was not granted; why is said below.',
}

const EXTENSIONS: Readonly<Record<ExtensionReason, Told>> = {
  complex: {
    'zh-CN': '您的请求较为复杂，需要更多时间才能完整处理。',
    en: 'Your request is complex: it takes more time to deal with it completely.',
  },
  'many-requests': {
    'zh-CN': '目前收到的请求较多，需要更多时间处理。',
    en: 'There are many requests at present: it takes more time to deal with yours.',
  },
}

const REMEDIES: Readonly<Record<Regime, Told>> = {
  PIPL: {
    'zh-CN':
      '如您不同意这一决定，可以依据《个人信息保护法》第五十条向人民法院提起诉讼，也可以依据第六十五条向履行个人信息保护职责的部门投诉、举报。',
    en: 'If you do not agree you may sue in a people’s court (PIPL art. 50), or complain to the department that is responsible for protecting personal information (PIPL art. 65).',
  },
  GDPR: {
    'zh-CN':
      '如您不同意这一决定，可以向您居住地、工作地或被指侵权行为发生地的监管机构投诉（GDPR 第77条），也可以寻求司法救济（GDPR 第79条）。',
    en: 'If you do not agree you may complain to the supervisory authority where you live, work, or where it happened (GDPR art. 77), and go to court (GDPR art. 79).',
  },
  'UK-GDPR': {
    'zh-CN': '如您不同意这一决定，可以向英国信息专员办公室（ICO）投诉（UK GDPR 第77条），也可以向法院起诉（第79条）。',
    en: 'If you do not agree you may complain to the Information Commissioner (UK GDPR art. 77), and go to court (art. 79).',
  },
  CCPA: {
    'zh-CN': '如您不同意这一决定，可以向加州隐私保护局（CPPA）或加州总检察长投诉。',
    en: 'If you do not agree you may complain to the California Privacy Protection Agency or the Attorney General of California.',
  },
  LGPD: {
    'zh-CN':
      '如您不同意这一决定，可以向巴西国家数据保护局（ANPD）投诉（LGPD 第18条第1款），也可以向法院起诉（第22条）。',
    en: 'If you do not agree you may petition the National Data Protection Authority (LGPD art. 18 § 1), and go to court (art. 22).',
  },
}
