import type { Language, Right, State } from './request.ts'

type Told = Readonly<Record<Language, string>>

/** What is being asked for, in plain words. */
export const RIGHT_WORDS: Readonly<Record<Right, Told>> = {
  access: { 'zh-CN': '查阅关于您的信息', en: 'See what is held about you' },
  portability: { 'zh-CN': '获取信息副本', en: 'Take your data elsewhere' },
  correction: { 'zh-CN': '更正您的信息', en: 'Have your data corrected' },
  erasure: { 'zh-CN': '删除您的信息', en: 'Have your data erased' },
  restriction: { 'zh-CN': '停止使用，仅保存', en: 'Keep your data, but do not use it' },
  objection: { 'zh-CN': '拒绝某些用途', en: 'No longer use your data for certain purposes' },
}

const DONE: Readonly<Record<Right, Told>> = {
  access: { 'zh-CN': '可以下载了。', en: 'It is ready to be downloaded.' },
  portability: { 'zh-CN': '可以下载了。', en: 'It is ready to be downloaded.' },
  correction: { 'zh-CN': '您的信息已更正。', en: 'Your data is corrected.' },
  erasure: { 'zh-CN': '您的信息已删除。', en: 'Your data is erased.' },
  restriction: { 'zh-CN': '您的信息已停用，仅依法保存。', en: 'Your data is kept and used for nothing.' },
  objection: { 'zh-CN': '已停止用于这些用途。', en: 'Your data is no longer used for this.' },
}

const STATE_WORDS: Readonly<Record<Exclude<State, 'completed'>, Told>> = {
  received: { 'zh-CN': '已收到。', en: 'We have your request.' },
  identity_pending: {
    'zh-CN': '等待确认是您本人。如果商店留有您的联系方式，我们已向其发送链接或验证码。',
    en: 'We wait for you to confirm that it is you. If the shop has an address or number of yours, a link or code was sent there.',
  },
  verified: { 'zh-CN': '已确认是您本人，即将处理。', en: 'It is confirmed that this is you; it begins soon.' },
  cooling_off: {
    'zh-CN': '您的信息已停用，即将删除。在此之前您可以撤回。',
    en: 'Your data is no longer used, and is about to be erased. Until then you can take this back.',
  },
  executing: { 'zh-CN': '正在处理。', en: 'It is being done.' },
  awaiting_destinations: {
    'zh-CN': '正在通知曾收到您信息的接收方。',
    en: 'Those who had your data from us are being told.',
  },
  scanning: { 'zh-CN': '正在全面检索是否还有遗留。', en: 'We look everywhere for what might be left.' },
  failed: { 'zh-CN': '遇到问题，正在重试。', en: 'Something went wrong; it is tried again.' },
  completed_partial: {
    'zh-CN': '已删除。其中一部分因法律或主管机关要求须保留，已停用，到期自动删除。',
    en: 'It is done, but for what a law or an authority makes us keep: that is used for nothing else and erased by itself at its end.',
  },
  denied: { 'zh-CN': '未获同意，理由见下文。', en: 'It was refused, for the reason below.' },
  cancelled: { 'zh-CN': '已撤回，未做任何处理。', en: 'It was taken back. Nothing was done.' },
  expired: { 'zh-CN': '未在期限内确认，已失效。', en: 'It was not confirmed in time, and is over.' },
}

const WITH_OFFICER: Told = {
  'zh-CN': '已确认是您本人，正由工作人员审核。',
  en: 'It is confirmed that this is you. A person looks at it before anything happens.',
}

const LIFTED: Told = {
  'zh-CN': '停用已解除：您的信息在允许的范围内重新使用。',
  en: 'This has ended: your data is used again, as far as it is permitted.',
}

/** Where a request is, for the person: one or two sentences. `lifted`: a restriction that was ended since. */
export function stateWords(
  {
    state,
    right,
    waitsForOfficer,
    lifted = false,
  }: { readonly state: State; readonly right: Right; readonly waitsForOfficer: boolean; readonly lifted?: boolean },
  language: Language,
): string {
  if (lifted) return LIFTED[language]
  if (state === 'completed') return DONE[right][language]
  if (state === 'verified' && waitsForOfficer) return WITH_OFFICER[language]
  return STATE_WORDS[state][language]
}

/** What a person can do next. */
export type Next = 'prove' | 'download' | 'lift' | 'cancel' | 'nothing'

const NEXT: Readonly<Record<Next, Told>> = {
  prove: {
    'zh-CN': '请打开收到的链接，或输入收到的验证码。没有收到？可以重新发送，或改用其他方式。',
    en: 'Open the link or type the code that you were sent. Nothing came? Have it sent again, or in another way.',
  },
  download: {
    'zh-CN': '请下载，7 天内有效。下载前会再次确认您的身份。',
    en: 'Download it within 7 days. You are asked once more who you are.',
  },
  lift: {
    'zh-CN': '无需操作。可以随时要求恢复使用。',
    en: 'You need do nothing. You can have your data used again whenever you like.',
  },
  cancel: {
    'zh-CN': '无需操作。如果改变了主意，可以撤回。',
    en: 'You need do nothing. If you change your mind, take it back.',
  },
  nothing: { 'zh-CN': '无需操作。', en: 'You need do nothing.' },
}

/** What the person is asked to do next. */
export function nextWords(next: Next, language: Language): string {
  return NEXT[next][language]
}

/** Of what a recipient was told: never one word for all three. */
export const RECIPIENT_WORDS: Readonly<Record<'waiting' | 'sent' | 'acknowledged' | 'verified-gone' | 'failed', Told>> =
  {
    waiting: { 'zh-CN': '尚未通知', en: 'Not told yet' },
    sent: { 'zh-CN': '已通知，对方尚未回复', en: 'Told; it has not answered' },
    acknowledged: { 'zh-CN': '对方已确认收到', en: 'It says that it has the message' },
    'verified-gone': { 'zh-CN': '已核实对方不再持有', en: 'We checked that it holds nothing any more' },
    failed: { 'zh-CN': '未能通知', en: 'It could not be told' },
  }
