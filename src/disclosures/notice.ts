import type { MailKind } from '../mail/outbox.ts'
import type { Disclosure } from './rows.ts'
import { type Kind, REVIEW_MS, stateOf } from './state.ts'

const WHAT: Readonly<Record<Kind, readonly [zh: string, en: string]>> = {
  fields: ['查阅某个人的字段', 'fields of a person'],
  reidentify: ['重新识别一个去标识化标识', 'who is behind a pseudonym'],
  translate: ['将去标识化标识转换为另一接收方的标识', 'the pseudonym of one recipient in terms of another'],
  'retention-fuse': ['解除一次留存清理的保险', 'a run of retention past its fuse'],
}

const HEAD: Readonly<Record<MailKind, readonly [zh: string, en: string]>> = {
  approved: ['披露申请已获批准', 'A disclosure was approved'],
  'emergency-asked': [
    '紧急披露：15 分钟后开放，可在此之前阻止',
    'Emergency disclosure: opens in 15 minutes, can be stopped until then',
  ],
  'emergency-opens': [
    '紧急披露已开放，须在 24 小时内复核',
    'Emergency disclosure is open, to be reviewed within 24 hours',
  ],
}

/**
 * What the data protection officer is told of a request, in Chinese and English: ids only, nobody's personal data.
 * Undefined where an emergency was stopped before it opened.
 */
export function noticeOf(
  kind: MailKind,
  disclosure: Disclosure,
  { publicUrl, now }: { readonly publicUrl: string; readonly now: number },
): { readonly subject: string; readonly text: string } | undefined {
  const state = stateOf(disclosure, now)
  if (kind === 'emergency-opens' && (state === 'refused' || state === 'void')) return undefined
  const [zh, en] = HEAD[kind]
  return {
    subject: `[Weir] ${zh} / ${en}`,
    text: [linesZh(kind, disclosure, publicUrl), linesEn(kind, disclosure, publicUrl)].join('\n\n'),
  }
}

function linesZh(kind: MailKind, one: Disclosure, publicUrl: string): string {
  const lines: [string, string][] = [
    ['内容', WHAT[one.kind][0]],
    ['范围', rangeOf(one)],
    ['处理目的', one.purpose],
    ['案件', one.caseId],
    ['申请人', one.askedBy],
    ['批准人', one.decidedBy ?? '无（紧急）'],
    ['可读次数', String(one.reads)],
    ['有效至', until(one)],
    ['复核期限', one.emergency ? time(one.askedAt + REVIEW_MS) : ''],
    ['查看', linkOf(one, publicUrl)],
  ]
  return [HEAD[kind][0], '', ...written(lines, '：')].join('\n')
}

function linesEn(kind: MailKind, one: Disclosure, publicUrl: string): string {
  const lines: [string, string][] = [
    ['What', WHAT[one.kind][1]],
    ['Of it', rangeOf(one)],
    ['Purpose', one.purpose],
    ['Case', one.caseId],
    ['Asked by', one.askedBy],
    ['Approved by', one.decidedBy ?? 'nobody (emergency)'],
    ['Reads', String(one.reads)],
    ['Until', until(one)],
    ['Review until', one.emergency ? time(one.askedAt + REVIEW_MS) : ''],
    ['See', linkOf(one, publicUrl)],
  ]
  return [HEAD[kind][1], '', ...written(lines, ': ')].join('\n')
}

function written(lines: readonly [string, string][], colon: string): string[] {
  return lines.filter(([, value]) => value !== '').map(([name, value]) => `${name}${colon}${value}`)
}

function rangeOf({ wanted, destination, toDestination, planHash }: Disclosure): string {
  const way = [destination, toDestination].filter((one) => one !== undefined).join(' → ')
  return [way, wanted.join(', '), planHash ?? ''].filter((one) => one !== '').join('; ')
}

function until({ expiresAt }: Disclosure): string {
  return expiresAt === undefined ? '' : time(expiresAt)
}

function time(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

function linkOf({ id }: Disclosure, publicUrl: string): string {
  return `${publicUrl}/api/disclosures/${id}`
}
