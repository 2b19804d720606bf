import type { Regime } from './regimes.ts'
import { type Language, RIGHTS, type Right } from './request.ts'

/** Why a request is refused. Counsel checks the articles: src/rights/reasons.ts says when one may be given. */
export interface Reason {
  readonly rights: readonly Right[]
  /** What it rests on, by regime; a regime that is not here knows no such reason. */
  readonly articles: Readonly<Partial<Record<Regime, string>>>
  /** As it is told to the person. */
  readonly text: Readonly<Record<Language, string>>
}

export type RefusalCode =
  | 'identity-not-proven'
  | 'suspected-fraud'
  | 'not-covered'
  | 'law-requires-keeping'
  | 'legal-claims'
  | 'secrecy-by-law'
  | 'data-correct'
  | 'others-rights'
  | 'not-portable'
  | 'compelling-grounds'
  | 'grounds-not-met'
  | 'unfounded-or-excessive'

// An objection needs no proof of identity: nobody is asked for one to say no.
const PROVEN: readonly Right[] = ['access', 'portability', 'correction', 'erasure', 'restriction']

export const REASONS: Readonly<Record<RefusalCode, Reason>> = {
  'identity-not-proven': {
    rights: PROVEN,
    articles: {
      PIPL: 'PIPL art. 50; Network Data Security Management Regulation art. 23',
      GDPR: 'GDPR art. 11(2), 12(2), 12(6)',
      'UK-GDPR': 'UK GDPR art. 11(2), 12(2), 12(6)',
      CCPA: '11 CCR §§ 7022(a), 7024(a), 7060–7062',
      LGPD: 'LGPD art. 18',
    },
    text: {
      'zh-CN': '我们无法确认提出请求的人就是这些信息的本人，因此不能照办，以免把您的信息交给他人或误删。',
      en: 'We could not confirm that whoever asked is the person whom the data are about. To do as asked could give or take away somebody else’s data.',
    },
  },
  'suspected-fraud': {
    rights: [...RIGHTS],
    articles: {
      PIPL: 'PIPL art. 50, 51',
      GDPR: 'GDPR art. 12(2), 12(6), 32',
      'UK-GDPR': 'UK GDPR art. 12(2), 12(6), 32',
      CCPA: '11 CCR §§ 7026(e), 7060',
      LGPD: 'LGPD art. 18, 46',
    },
    text: {
      'zh-CN': '有迹象表明该请求可能并非本人提出，为保护您的信息，我们没有照办。',
      en: 'There are signs that this request does not come from the person whom the data are about. To protect the data we did not do as asked.',
    },
  },
  'not-covered': {
    rights: [...RIGHTS],
    articles: {
      PIPL: 'PIPL art. 3, 44–47',
      GDPR: 'GDPR art. 2, 3',
      'UK-GDPR': 'UK GDPR art. 2, 3',
      CCPA: 'Cal. Civ. Code § 1798.140, § 1798.145',
      LGPD: 'LGPD art. 3, 4',
    },
    text: {
      'zh-CN': '您请求的事项不在该法律规定的权利范围之内。',
      en: 'What you asked for is not among the rights that this law gives.',
    },
  },
  'law-requires-keeping': {
    rights: ['erasure'],
    articles: {
      PIPL: 'PIPL art. 47(2)',
      GDPR: 'GDPR art. 17(3)(b)',
      'UK-GDPR': 'UK GDPR art. 17(3)(b)',
      CCPA: 'Cal. Civ. Code § 1798.105(d)(8)',
      LGPD: 'LGPD art. 16 I',
    },
    text: {
      'zh-CN': '法律、行政法规规定的保存期限尚未届满。在此期间我们只保存这些信息，不作其他处理。',
      en: 'A law says that these data must be kept for a time that is not over. Until then they are kept, and used for nothing else.',
    },
  },
  'legal-claims': {
    rights: ['erasure', 'objection'],
    articles: {
      GDPR: 'GDPR art. 17(3)(e), 21(1)',
      'UK-GDPR': 'UK GDPR art. 17(3)(e), 21(1)',
      CCPA: 'Cal. Civ. Code § 1798.145(a)(1)(E)',
      LGPD: 'LGPD art. 7 VI',
    },
    text: {
      'zh-CN': '这些信息是提起、行使或者应对法律请求所必需的。',
      en: 'The data are needed to make, exercise or defend a legal claim.',
    },
  },
  'secrecy-by-law': {
    rights: ['access', 'portability'],
    articles: {
      PIPL: 'PIPL art. 45(1) with art. 18(1), 35',
      GDPR: 'GDPR art. 23',
      'UK-GDPR': 'UK GDPR art. 23, Data Protection Act 2018 sch. 2',
      CCPA: 'Cal. Civ. Code § 1798.145(a)',
    },
    text: {
      'zh-CN': '法律、行政法规规定应当保密或者不需要告知。',
      en: 'A law says that this is to be kept secret, or not to be told.',
    },
  },
  'data-correct': {
    rights: ['correction'],
    articles: {
      PIPL: 'PIPL art. 46',
      GDPR: 'GDPR art. 16',
      'UK-GDPR': 'UK GDPR art. 16',
      CCPA: '11 CCR § 7023(b)',
      LGPD: 'LGPD art. 18 III',
    },
    text: {
      'zh-CN': '经核实，我们保存的信息是准确、完整的，因此没有更改。',
      en: 'We checked: what we hold is accurate and complete, so nothing was changed.',
    },
  },
  'others-rights': {
    rights: ['access', 'portability'],
    articles: {
      PIPL: 'Network Data Security Management Regulation art. 25 (portability)',
      GDPR: 'GDPR art. 15(4), 20(4)',
      'UK-GDPR': 'UK GDPR art. 15(4), 20(4)',
      CCPA: 'Cal. Civ. Code § 1798.145(k)',
    },
    text: {
      'zh-CN': '照办会损害他人的合法权益。',
      en: 'To do as asked would harm the rights of somebody else.',
    },
  },
  'not-portable': {
    rights: ['portability'],
    articles: {
      PIPL: 'PIPL art. 45(3); Network Data Security Management Regulation art. 25',
      GDPR: 'GDPR art. 20(1)',
      'UK-GDPR': 'UK GDPR art. 20(1)',
      CCPA: 'Cal. Civ. Code § 1798.130(a)(3)(B)(iii)',
      LGPD: 'LGPD art. 18 V',
    },
    text: {
      'zh-CN': '这些信息不符合转移的法定条件（例如并非基于您的同意或合同而收集）。',
      en: 'The conditions for a transfer are not met: for instance, the data were not collected by your consent or for a contract.',
    },
  },
  'compelling-grounds': {
    rights: ['objection'],
    articles: { GDPR: 'GDPR art. 21(1)', 'UK-GDPR': 'UK GDPR art. 21(1)' },
    text: {
      'zh-CN': '存在优先于您利益的重大正当理由，因此处理会继续。',
      en: 'There are compelling legitimate grounds that override your interests, so that processing goes on.',
    },
  },
  'grounds-not-met': {
    rights: ['erasure', 'restriction'],
    articles: {
      PIPL: 'PIPL art. 44, 47(1)',
      GDPR: 'GDPR art. 17(1), 18(1)',
      'UK-GDPR': 'UK GDPR art. 17(1), 18(1)',
      CCPA: 'Cal. Civ. Code § 1798.105(d), § 1798.121',
      LGPD: 'LGPD art. 18 IV, VI',
    },
    text: {
      'zh-CN': '法律规定的条件不具备：这些信息仍为处理目的所必需，且处理有其他合法依据。',
      en: 'The conditions that the law sets are not met: the data are still needed for their purpose, on another lawful ground.',
    },
  },
  'unfounded-or-excessive': {
    rights: [...RIGHTS],
    articles: {
      GDPR: 'GDPR art. 12(5)(b)',
      'UK-GDPR': 'UK GDPR art. 12(5)(b)',
      CCPA: 'Cal. Civ. Code § 1798.145(h)(3)',
    },
    text: {
      'zh-CN': '该请求明显没有根据或者过度（尤其是反复提出）。这是由工作人员作出的决定。',
      en: 'The request is manifestly unfounded or excessive, in particular because it is repeated. A person decided this.',
    },
  },
}
