import type { Regime } from '../../rights/regimes.ts'
import type { Right } from '../../rights/request.ts'
import type { Way } from '../../rights/verify/levels.ts'
import type { Told } from '../turn.ts'

interface Words {
  readonly title: string
  readonly lead: string
  readonly choose: string
  readonly not: string
  readonly happens: string
  readonly when: string
  readonly stays: string
  readonly press: Readonly<Record<Right, string>>
  readonly whoAreYou: string
  readonly whoHow: string
  readonly whoHowNo: string
  readonly address: string
  readonly addressHint: string
  readonly way: string
  readonly wayAny: string
  readonly ways: Readonly<Record<Way, string>>
  readonly correct: string
  readonly path: string
  readonly pathChoose: string
  readonly pathHow: string
  readonly from: string
  readonly fromHint: string
  readonly to: string
  readonly fields: Readonly<Record<string, string>>
  readonly purposes: string
  readonly purposesHow: string
  readonly law: string
  readonly lawHint: string
  readonly laws: Readonly<Record<Regime, string>>
}

export const ASK_WORDS: Told<Words> = {
  'zh-CN': {
    title: '提出请求',
    lead: '六项权利，任选其一。不收费，不需要理由。',
    choose: '了解并提出',
    not: '返回',
    happens: '会发生什么',
    when: '什么时候',
    stays: '什么会留下',
    press: {
      access: '请求查阅',
      portability: '请求副本',
      correction: '请求更正',
      erasure: '请求删除',
      restriction: '请求停止使用',
      objection: '停止用于这些目的',
    },
    whoAreYou: '您是谁',
    whoHow:
      '填写您在商店留存的邮箱或手机号。我们会向留存的联系方式发送验证码或链接，确认是您本人。无论是否留存，您看到的页面都一样。',
    whoHowNo: '填写您在商店留存的邮箱或手机号。无需证明身份。无论是否留存，您看到的页面都一样。',
    address: '邮箱或手机号',
    addressHint: '手机号请带国家代码，例如 +86 138 0000 0000',
    way: '如何确认',
    wayAny: '均可',
    ways: { 'mail-code': '邮件验证码', 'mail-link': '邮件链接', 'sms-code': '短信验证码' },
    correct: '更正什么',
    path: '项目',
    pathChoose: '请选择',
    pathHow: '订单等其他内容有误？请按“投诉与举报”页的方式联系商店更正。',
    from: '目前的内容',
    fromHint: '可不填。填写后，只改正与此相同的内容。',
    to: '正确的内容',
    fields: {
      'contact.email': '邮箱（我们写信给您的地址）',
      'contact.phone': '手机号（我们给您发短信的号码）',
      'traits.username': '用户名',
      'traits.email': '邮箱',
      'traits.phone': '电话',
      'traits.firstName': '名',
      'traits.lastName': '姓',
      'traits.name': '姓名',
      'traits.title': '职务',
      'traits.address.street': '街道地址',
      'traits.address.city': '城市',
      'traits.address.state': '省份',
      'traits.address.postalCode': '邮政编码',
      'traits.address.country': '国家',
    },
    purposes: '不再用于',
    purposesHow: '至少选择一项。只为所选目的保存的信息随即删除，不能恢复。',
    law: '适用哪里的法律',
    lawHint: '一般是您居住的地方。它决定最迟何时必须答复。',
    laws: { PIPL: '中国', GDPR: '欧盟', 'UK-GDPR': '英国', CCPA: '美国加利福尼亚州', LGPD: '巴西' },
  },
  en: {
    title: 'Make a request',
    lead: 'Six rights; take the one you need. It is free, and you need not say why.',
    choose: 'Read and ask',
    not: 'Back',
    happens: 'What happens',
    when: 'When',
    stays: 'What stays',
    press: {
      access: 'Ask to see it',
      portability: 'Ask for it',
      correction: 'Ask for correction',
      erasure: 'Ask for erasure',
      restriction: 'Ask to stop its use',
      objection: 'Stop these uses',
    },
    whoAreYou: 'Who you are',
    whoHow:
      'Give the e-mail address or phone number that the shop has of you. A code or link goes to what is on file, to confirm that it is you. The page looks the same whether it is on file or not.',
    whoHowNo:
      'Give the e-mail address or phone number that the shop has of you. You need not prove anything. The page looks the same whether it is on file or not.',
    address: 'E-mail address or phone number',
    addressHint: 'A number with its country, such as +44 20 7946 0000',
    way: 'How to confirm it',
    wayAny: 'Any way',
    ways: { 'mail-code': 'A code by mail', 'mail-link': 'A link by mail', 'sms-code': 'A code by SMS' },
    correct: 'What is wrong',
    path: 'Field',
    pathChoose: 'Please choose',
    pathHow: 'Something else, such as an order? Tell the shop: see “Complain” below.',
    from: 'What stands there now',
    fromHint: 'You may leave it empty. Otherwise only what is the same is changed.',
    to: 'What is right',
    fields: {
      'contact.email': 'E-mail address that we write to',
      'contact.phone': 'Phone number that we write to',
      'traits.username': 'User name',
      'traits.email': 'E-mail address',
      'traits.phone': 'Phone number',
      'traits.firstName': 'First name',
      'traits.lastName': 'Last name',
      'traits.name': 'Name',
      'traits.title': 'Title',
      'traits.address.street': 'Street',
      'traits.address.city': 'Town',
      'traits.address.state': 'State',
      'traits.address.postalCode': 'Postal code',
      'traits.address.country': 'Country',
    },
    purposes: 'No longer for',
    purposesHow: 'Choose at least one. What was kept for it alone is erased at once, for good.',
    law: 'Which country’s law applies',
    lawHint: 'Usually where you live. It says by when we must answer.',
    laws: { PIPL: 'China', GDPR: 'European Union', 'UK-GDPR': 'United Kingdom', CCPA: 'California', LGPD: 'Brazil' },
  },
}

/** A field of the form, or of a change, in words: a path that has none is named as the policy names it. */
export function fieldWords(name: string, language: keyof typeof ASK_WORDS): string {
  const { fields } = ASK_WORDS[language]
  const known = [name, `contact.${name}`].find((one) => Object.hasOwn(fields, one))
  return known === undefined ? name : fields[known]!
}
