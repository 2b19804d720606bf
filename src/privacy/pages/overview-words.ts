import type { IdentifierType } from '../../identity/normalise.ts'
import type { Told } from '../turn.ts'

interface Words {
  readonly title: string
  readonly lead: string
  readonly who: string
  readonly types: Readonly<Record<IdentifierType, string>>
  readonly maskedHow: string
  readonly why: string
  readonly purpose: string
  readonly meaning: string
  readonly state: string
  readonly what: string
  readonly whatHow: string
  readonly kind: string
  readonly records: string
  readonly usedFor: string
  readonly ends: string
  readonly between: (first: string, last: string) => string
  readonly above: (n: string) => string
  readonly withRest: string
  readonly byLaw: (n: string, law: string | null) => string
  readonly recipients: string
  readonly count: (n: string) => string
  readonly moduleHow: string
  readonly received: (first: string, last: string) => string
  readonly noneOutside: string
  readonly next: string
  readonly choices: string
  readonly copy: string
  readonly accesses: string
}

export const OVERVIEW_WORDS: Told<Words> = {
  'zh-CN': {
    title: '关于我的信息',
    lead: '商店持有哪些关于您的信息、用来做什么、何时删除、提供给了谁。',
    who: '我们凭什么认出您',
    types: { user_id: '账号', anonymous_id: '设备（个）', email: '邮箱', phone: '手机号' },
    maskedHow: '为防他人看到，此处只显示一部分。完整内容在您的信息副本中。',
    why: '为什么使用',
    purpose: '处理目的',
    meaning: '用来做什么',
    state: '现状',
    what: '有哪些信息',
    whatHow:
      '没有的类别也列出，记为 0。只要还有一项用途允许就会保存，最迟到所列日期；撤回同意后，只为该用途保存的信息（例如订单）随即删除。法律要求保存的部分，在删除时另行存放。',
    kind: '类别',
    records: '条数',
    usedFor: '用于',
    ends: '最迟保存至',
    between: (first, last) => `${first} 至 ${last}`,
    above: (n) => `其中 ${n} 项列于上文“我们凭什么认出您”`,
    withRest: '与其余信息一同删除',
    byLaw: (n, law) => `其中 ${n} 条已停用，仅依法保存${law === null ? '' : `（${law}）`}`,
    recipients: '提供给了谁',
    count: (n) => `${n} 条记录`,
    moduleHow: '商店自用。只见去标识化标识，不知道您是谁。',
    received: (first, last) => `首次提供：${first}；最近：${last}`,
    noneOutside: '没有提供给商店以外的任何人。',
    next: '接下来可以',
    choices: '更改我的选择',
    copy: '获取全部内容',
    accesses: '看看谁查看过',
  },
  en: {
    title: 'What is known about me',
    lead: 'What the shop holds about you, what it is used for, when it goes, and who received it.',
    who: 'How we know you',
    types: { user_id: 'Account', anonymous_id: 'Devices', email: 'E-mail address', phone: 'Phone number' },
    maskedHow: 'Shown in part, so that nobody reads it over your shoulder. Your copy has all of it.',
    why: 'Why it is used',
    purpose: 'Purpose',
    meaning: 'What for',
    state: 'Now',
    what: 'What there is',
    whatHow:
      'What there is nothing of is listed too, with 0. It is kept for as long as a purpose permits, at the longest until the day that is shown. Take a consent back, and what was kept for it alone, orders too, is erased at once. What a law makes the shop keep is set aside when it is erased.',
    kind: 'Kind',
    records: 'Records',
    usedFor: 'Used for',
    ends: 'Kept until, at the longest',
    between: (first, last) => `${first} to ${last}`,
    above: (n) => `${n} of these listed above, under “How we know you”`,
    withRest: 'Goes with the rest',
    byLaw: (n, law) =>
      `${n} of these: used for nothing, and kept because a law says so${law === null ? '' : ` (${law})`}`,
    recipients: 'Who received it',
    count: (n) => (n === '1' ? '1 record' : `${n} records`),
    moduleHow: 'Of the shop itself. It sees a pseudonym, and does not know who you are.',
    received: (first, last) => `First on ${first}, last on ${last}`,
    noneOutside: 'Nobody outside of the shop received anything.',
    next: 'What you can do',
    choices: 'Change my choices',
    copy: 'Get all of it',
    accesses: 'See who looked',
  },
}
