import type { ReceiptProblem } from '../../rights/verify-receipt.ts'
import type { Told } from '../turn.ts'

export const RECEIPT_WORDS: Told<
  Readonly<
    Record<
      | 'title'
      | 'own'
      | 'lead'
      | 'receipt'
      | 'receiptHint'
      | 'yours'
      | 'yoursHow'
      | 'press'
      | 'another'
      | 'good'
      | 'signed'
      | 'logged'
      | 'isYours'
      | 'bad'
      | 'save'
      | 'back'
      | 'text'
      | 'textHow'
      | 'elsewhere',
      string
    >
  >
> = {
  'zh-CN': {
    title: '核验删除回执',
    own: '删除回执',
    lead: '粘贴一份删除回执，即可知道它是否由我们签发、有没有被改动、是否登记在防篡改日志中。任何人都可以核验。',
    receipt: '删除回执',
    receiptHint: '回执的文字（以 eyJ 开头），或所保存文件的全部内容。我们不保存粘贴的内容。',
    yours: '同时核对是不是我的（可选）',
    yoursHow: '回执不含姓名。填写随回执给您的核验码，以及当时的邮箱、手机号或账号。',
    press: '核验',
    another: '核验另一份',
    good: '回执真实有效。',
    signed: '由我们签发，没有被改动。',
    logged: '已登记在防篡改日志中。',
    isYours: '这份回执与所填的信息相符。',
    bad: '这份回执不可信。',
    save: '保存回执',
    back: '返回请求',
    text: '回执的文字',
    textHow: '供程序核验：weir verify-receipt。',
    elsewhere: '不想依赖本页？保存的回执文件可以自行核验，也可以用 weir verify-receipt 核验。',
  },
  en: {
    title: 'Check an erasure receipt',
    own: 'Receipt of an erasure',
    lead: 'Paste a receipt and see whether it was issued here, whether anything was changed, and whether it stands in the tamper-evident log. Anybody can check one.',
    receipt: 'The receipt',
    receiptHint:
      'Its text (it begins with eyJ), or everything that is in the file that you saved. What you paste is not kept.',
    yours: 'Is it mine? (if you like)',
    yoursHow:
      'A receipt names nobody. Give the code that came with it, and the e-mail address, number or account that you had.',
    press: 'Check it',
    another: 'Check another',
    good: 'The receipt is genuine.',
    signed: 'It was issued here, and nothing was changed.',
    logged: 'It stands in the tamper-evident log.',
    isYours: 'It fits what you gave: the receipt is about that.',
    bad: 'Do not believe this receipt.',
    save: 'Save the receipt',
    back: 'Back to the request',
    text: 'Its text',
    textHow: 'For programs: weir verify-receipt.',
    elsewhere: 'Rather not rely on this page? The file that you saved checks itself, and so does weir verify-receipt.',
  },
}

export const PROBLEM_WORDS: Told<Readonly<Record<ReceiptProblem, string>>> = {
  'zh-CN': {
    malformed: '这不是一份删除回执，或内容不完整。',
    type: '这是另一种文件，不是删除回执。',
    'unknown-key': '不是由我们签发的。',
    signature: '签名不符：内容被改动过。',
    times: '其中的时间不可能成立。',
    'log-proof': '日志证明无效。',
    'log-entry': '日志中登记的不是这份回执。',
    'not-yours': '回执与所填的信息不符，或核验码有误。',
  },
  en: {
    malformed: 'This is no receipt, or not all of it.',
    type: 'This is something else, and no receipt of an erasure.',
    'unknown-key': 'It was not issued here.',
    signature: 'The signature does not fit: something was changed.',
    times: 'Its times cannot be.',
    'log-proof': 'The proof of the log does not hold.',
    'log-entry': 'What the log has is not this receipt.',
    'not-yours': 'It does not fit what you gave, or the code is wrong.',
  },
}
