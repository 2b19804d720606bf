import { html } from '../html.ts'
import type { PageReply, Told, Turn } from '../turn.ts'

const WORDS: Told<{
  readonly title: string
  readonly shop: string
  readonly law: string
  readonly lines: readonly string[]
}> = {
  'zh-CN': {
    title: '投诉与举报',
    shop: '先与我们联系',
    law: '您还可以',
    lines: [
      '向履行个人信息保护职责的部门投诉、举报（《个人信息保护法》第六十五条），例如所在地网信部门；也可拨打 12377 举报。',
      '向人民法院提起诉讼（《个人信息保护法》第五十条）。',
      '如果您在欧盟或英国，可向所在地的数据保护监管机构投诉。',
      '投诉不收费，也不影响您在这里行使权利。',
    ],
  },
  en: {
    title: 'Complain',
    shop: 'To us first',
    law: 'You may also',
    lines: [
      'complain to the data protection authority where you live, work, or where it happened (GDPR art. 77); in the United Kingdom to the Information Commissioner.',
      'in China, complain to the department that protects personal information (PIPL art. 65), or go to court (PIPL art. 50).',
      'in California, complain to the California Privacy Protection Agency.',
      'A complaint is free, and changes nothing about your rights here.',
    ],
  },
}

/** GET /privacy/complain: what the operator wrote, and what the law gives. */
export function complainPage({ deps, locale: { language } }: Turn): PageReply {
  const { title, shop, law, lines } = WORDS[language]
  const own = deps.texts.complaints[language] ?? []
  return {
    title,
    body: html`<h1>${title}</h1>
${own.length > 0 && html`<h2>${shop}</h2>${own.map((one) => html`<p>${one}</p>`)}`}
<h2>${law}</h2><ul>${lines.map((one) => html`<li>${one}</li>`)}</ul>`,
  }
}
