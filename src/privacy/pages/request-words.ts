import type { State } from '../../rights/request.ts'
import type { Told } from '../turn.ts'

interface Words {
  readonly title: string
  readonly about: string
  readonly received: string
  readonly promised: string
  readonly due: string
  readonly extended: string
  readonly cooling: string
  readonly closed: string
  readonly number: string
  readonly secret: string
  readonly secretHow: string
  readonly secretShow: string
  readonly lifted: string
  readonly steps: string
  readonly step: Readonly<Record<State, string>>
  readonly code: string
  readonly codeHow: string
  readonly codeLabel: string
  readonly codePress: string
  readonly resend: string
  readonly cancel: string
  readonly cancelHow: string
  readonly cancelPress: string
  readonly download: string
  readonly downloadHow: string
  readonly askCode: string
  readonly deviceId: string
  readonly deviceSecret: string
  readonly passphrase: string
  readonly passphraseHint: string
  readonly downloadPress: string
  readonly needSecret: string
  readonly refusal: string
  readonly article: (article: string) => string
  readonly retained: string
  readonly retainedHow: string
  readonly until: (day: string, ground: string) => string
  readonly recipients: string
  readonly noRecipients: string
  readonly receipt: string
  readonly receiptHow: string
  readonly receiptSave: string
  readonly receiptRead: string
  readonly salt: string
  readonly changes: string
  readonly changeTo: (to: string) => string
  readonly corrected: (n: string) => string
  readonly correctedNone: string
  readonly lift: string
  readonly liftHow: string
  readonly liftPress: string
}

export const REQUEST_WORDS: Told<Words> = {
  'zh-CN': {
    title: '请求进度',
    about: '关于这个请求',
    received: '提出时间',
    promised: '我们承诺的答复日期',
    due: '法定答复期限',
    extended: '延长至',
    cooling: '在此之前可撤回',
    closed: '结束时间',
    number: '请求编号',
    secret: '请求密码',
    secretShow: '显示密码',
    lifted: '恢复使用时间',
    secretHow: '请记下编号和密码：凭它们可随时查看进度，无需登录。请勿告诉他人。',
    steps: '进度',
    step: {
      received: '已收到',
      identity_pending: '确认本人',
      verified: '已确认',
      cooling_off: '冷静期，信息已停用',
      executing: '处理中',
      awaiting_destinations: '通知接收方',
      scanning: '全面检索',
      failed: '重试中',
      completed: '完成',
      completed_partial: '完成',
      denied: '未获同意',
      cancelled: '已撤回',
      expired: '已失效',
    },
    code: '确认是您本人',
    codeHow:
      '如果商店留有您的联系方式，验证码或链接已发送到那里。收到链接请直接打开；收到验证码请在此输入，15 分钟内有效。',
    codeLabel: '验证码',
    codePress: '确认',
    resend: '重新发送',
    cancel: '改变主意了？',
    cancelHow: '尚未执行，可以撤回。撤回后一切照旧。',
    cancelPress: '撤回请求',
    download: '下载',
    downloadHow: '下载前再确认一次是您本人：先获取验证码，再设定口令。文件用口令加密，口令不在我们这里保存。',
    askCode: '发送验证码',
    deviceId: '设备编号（匿名 ID）',
    deviceSecret: '设备密钥',
    passphrase: '为文件设定口令',
    passphraseHint: '12 至 128 个英文字母、数字或符号，首尾不能是空格。忘记口令就无法打开文件。',
    downloadPress: '下载',
    needSecret: '下载需要请求密码。请用编号和密码打开此请求。',
    refusal: '未获同意的理由',
    article: (article) => `依据：${article}`,
    retained: '必须保留的部分',
    retainedHow: '法律或主管机关要求保留以下内容：已停用，仅依法保存，到期自动删除并通知您。',
    until: (day, ground) => `保存至 ${day}，依据：${ground}`,
    recipients: '已通知的接收方',
    noRecipients: '没有商店以外的接收方收到过您的信息。',
    receipt: '删除回执',
    receiptHow: '回执不含姓名，经过签名。保存后，您可以随时自行核验，无需询问我们。',
    receiptSave: '保存回执',
    receiptRead: '查看回执',
    salt: '核验码。用它可以证明这份回执是您的，请一并保存：',
    changes: '要求更正的内容',
    changeTo: (to) => `改为：${to}`,
    corrected: (n) => `共改正 ${n} 处。与“目前的内容”不符的，或没有找到的，没有改动。`,
    correctedNone: '没有找到需要改正的内容，未作改动。',
    lift: '恢复使用',
    liftHow: '您的信息已停用，仅依法保存。恢复后，按您此前的选择使用。',
    liftPress: '恢复使用我的信息',
  },
  en: {
    title: 'How far a request is',
    about: 'About this request',
    received: 'Asked on',
    promised: 'We promise an answer by',
    due: 'The law gives us until',
    extended: 'Extended until',
    cooling: 'You can take it back until',
    closed: 'Finished',
    number: 'Number',
    secret: 'Secret',
    secretShow: 'Show the secret',
    lifted: 'Used again since',
    secretHow: 'Write both down: with them you see how far it is at any time, without signing in. Tell them to nobody.',
    steps: 'How far it is',
    step: {
      received: 'Received',
      identity_pending: 'Confirm that it is you',
      verified: 'Confirmed',
      cooling_off: 'Time to think; your data is not used',
      executing: 'Being done',
      awaiting_destinations: 'Recipients are told',
      scanning: 'Everything is searched',
      failed: 'Tried again',
      completed: 'Done',
      completed_partial: 'Done',
      denied: 'Refused',
      cancelled: 'Taken back',
      expired: 'Over',
    },
    code: 'Confirm that it is you',
    codeHow:
      'If the shop has an address or number of yours, a code or link was sent there. Open the link, or type the code here; a code is good for 15 minutes.',
    codeLabel: 'Code',
    codePress: 'Confirm',
    resend: 'Send it again',
    cancel: 'Changed your mind?',
    cancelHow: 'Nothing was done yet. Take it back, and everything stays as it was.',
    cancelPress: 'Take the request back',
    download: 'Download',
    downloadHow:
      'Confirm once more that it is you: have a code sent, then choose a passphrase. The file is sealed under it, and we keep it nowhere.',
    askCode: 'Send me a code',
    deviceId: 'Number of the device (anonymous id)',
    deviceSecret: 'Secret of the device',
    passphrase: 'A passphrase for the file',
    passphraseHint:
      '12 to 128 letters, digits and signs, no blank at either end. Without it nobody opens the file, nor do we.',
    downloadPress: 'Download',
    needSecret: 'To download it the secret of the request is needed. Open the request with its number and secret.',
    refusal: 'Why it was refused',
    article: (article) => `It rests on: ${article}`,
    retained: 'What we must keep',
    retainedHow:
      'A law, or an authority’s order, makes us keep this. It is used for nothing else, and erased by itself at its end. You are told.',
    until: (day, ground) => `until ${day}, by ${ground}`,
    recipients: 'Recipients that were told',
    noRecipients: 'Nobody outside of the shop had received your data.',
    receipt: 'The receipt',
    receiptHow: 'It names nobody, and is signed. Keep it: you can check it at any time, without asking us.',
    receiptSave: 'Save the receipt',
    receiptRead: 'Read the receipt',
    salt: 'With this you can show that the receipt is yours. Keep it too:',
    changes: 'What was to be corrected',
    changeTo: (to) => `is to say: ${to}`,
    corrected: (n) =>
      `Values that were changed: ${n}. What was not found, or is not what you said stood there, was left.`,
    correctedNone: 'Nothing was found that had to be changed, and nothing was.',
    lift: 'Use it again',
    liftHow: 'Your data is kept and used for nothing. Afterwards it is used as you chose before.',
    liftPress: 'Use my data again',
  },
}
