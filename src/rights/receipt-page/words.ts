import type { DestinationState, FilesScan, ReceiptAction, ReceiptDestination } from '../receipt-claims.ts'
import type { Language, Proof } from '../request.ts'
import { classWords, destinationWords, lawWords, timeWords } from '../words.ts'

/** What the page says in one language. */
export interface PageWords {
  readonly title: string
  readonly intro: (issuer: string) => string
  readonly checks: string
  readonly noScript: string
  readonly signature: CheckWords
  readonly shown: CheckWords
  readonly log: CheckWords
  readonly gone: string
  /** One store: what was done with about how much of it. */
  readonly done: (what: Pick<ReceiptAction, 'store' | 'action' | 'count_bucket'>) => string
  readonly models: (name: string, verified: boolean) => string
  readonly stays: string
  readonly nothingStays: string
  readonly retained: (what: { readonly class: string; readonly ground: string; readonly until: string }) => string
  readonly restricted: string
  readonly tombstone: string
  readonly ledger: string
  readonly unreached: string
  readonly horizon: (day: string) => string
  readonly backups: (day: string) => string
  readonly backupsUnknown: string
  readonly files: (scan: FilesScan) => string
  readonly copies: string
  readonly recipients: string
  readonly noRecipients: string
  readonly recipient: Readonly<Record<DestinationState, string>>
  readonly told: (one: ReceiptDestination) => string
  readonly searched: (columns: number, at: string) => string
  readonly witness: string
  readonly seen: (name: string, at: string) => string
  readonly named: (names: string) => string
  readonly unseen: string
  readonly yours: string
  readonly yoursHow: string
  readonly salt: string
  readonly identifier: string
  readonly compare: string
  readonly isYours: string
  readonly isNot: string
  readonly details: string
  readonly facts: Readonly<
    Record<'received' | 'completed' | 'request' | 'receipt' | 'proved' | 'regime' | 'key' | 'place', string>
  >
  readonly proof: Readonly<Record<Proof, string>>
  readonly elsewhere: string
}

export interface CheckWords {
  readonly waiting: string
  readonly good: string
  readonly bad: string
  readonly cannot: string
}

const STORES: Readonly<Record<string, readonly [zh: string, en: string]>> = {
  'weir.subject_key': ['加密您信息的密钥', 'the keys that your data was sealed under'],
  'weir.sealed': ['您的浏览、购买等内容', 'what you looked at, bought and did'],
  'weir.identifier': ['您的账号、邮箱、手机号等标识', 'your account, addresses and numbers'],
  'weir.subject': ['您在系统中的编号', 'the number under which we knew you'],
  'weir.link': ['您的账号与设备的关联', 'which devices are yours'],
  'weir.consent_state': ['您当前的同意设置', 'your present choices'],
  'weir.consent_ledger': ['您曾经作出选择的证明', 'proof of the choices you made'],
  'weir.event_log': ['事件日志中的记录', 'lines of the log of events'],
  'weir.audit_detail': ['查询记录中关于您的细节', 'what the audit log said of you'],
  'weir.recipient': ['谁收到过您信息的登记', 'the register of who received your data'],
  'weir.request_content': ['您以前请求的内容', 'what your earlier requests said'],
  'weir.struck_tag': ['您划去的推荐标签', 'tags that you struck out'],
  'weir.dead_letter': ['等待处理的事件', 'events that waited to be handled'],
  'weir.purge': ['等待执行的删除任务', 'deletions that waited to be done'],
}

function storeName(store: string, language: 0 | 1): string {
  const known = STORES[store]
  if (known !== undefined) return known[language]
  const module = store.startsWith('module:') ? store.slice('module:'.length) : undefined
  if (module === undefined) return language === 0 ? `存储“${store}”` : `the store “${store}”`
  return language === 0
    ? `“${destinationWords(module, 'zh-CN')}”中的记录`
    : `what “${destinationWords(module, 'en')}” held`
}

const ACTIONS: Readonly<Record<ReceiptAction['action'], readonly [zh: string, en: string]>> = {
  deleted: ['已删除', 'deleted'],
  shredded: ['已销毁', 'destroyed'],
  restricted: ['已停用', 'kept and used for nothing'],
  anonymised: ['已不再与您关联', 'no longer yours'],
}

const zh: PageWords = {
  title: '个人信息删除回执',
  intro: (issuer) =>
    `${issuer} 已按您的请求删除您的个人信息。本页说明删除了什么、依法保留什么、哪些是我们无法触及的，您可以自行核验，无需询问我们。`,
  checks: '核验结果',
  noScript: '此浏览器未运行脚本，无法在本页核验。请用 weir verify-receipt 核验本文件。',
  signature: {
    waiting: '签名尚未核验。此行若不改变，本页已损坏或未能运行脚本：请用 weir verify-receipt 核验本文件。',
    good: '签名有效：回执由本页所列密钥签署，未被改动。',
    bad: '签名无效：请勿相信此回执。',
    cannot: '此浏览器不支持 Ed25519，无法核验签名。请换用较新的浏览器，或用 weir verify-receipt 核验本文件。',
  },
  shown: {
    waiting: '文字尚未核对。',
    good: '您看到的文字与签发时一致。',
    bad: '本页文字被改动过：请勿相信。',
    cannot: '文字未核对。',
  },
  log: {
    waiting: '日志证明尚未核验。',
    good: '此回执已登记在防篡改日志中。',
    bad: '日志证明无效：请勿相信此回执。',
    cannot: '日志证明未核验。',
  },
  gone: '删除了什么',
  done: ({ store, action, count_bucket: bucket }) => {
    const count = bucket === '1000+' ? '1000 条以上' : `${bucket.replace('-', ' 至 ')} 条`
    return `${storeName(store, 0)}：${ACTIONS[action][0]}（${count}）`
  },
  models: (name, verified) =>
    verified
      ? `“${destinationWords(name, 'zh-CN')}”的统计结果已去除您的影响，并与从未有过您的重新计算逐字节比对一致。`
      : `“${destinationWords(name, 'zh-CN')}”的统计结果已精确减去您的部分；此次未作重新计算比对。`,
  stays: '依法保留什么',
  nothingStays: '没有依法保留的内容。',
  retained: ({ class: name, ground, until }) =>
    `${classWords(name, 'zh-CN').name}：依据${lawWords(ground, 'zh-CN')}，保留至 ${until}，届时自动删除并通知您。`,
  restricted: '保留的内容已停用，仅依法保存：单独加密，任何模块都无法读取。',
  tombstone: '我们留下一个带密钥的散列值，用来拒绝迟到或重放的旧数据；它不指向任何人，到期即删。',
  ledger: '您曾作出选择的证明按期保存，但已不再与您关联。',
  unreached: '我们无法触及什么',
  horizon: (day) => `${day} 之后，包括我们在内，任何人都无法从数据库的任何旧副本中解开您的信息。`,
  backups: (day) => `数据库备份最迟在 ${day} 删除。`,
  backupsUnknown: '数据库备份何时删除，我们不掌握。',
  files: (scan) =>
    scan.state === 'done'
      ? `数据库文件与日志文件已于 ${timeWords(scan.at, 'zh-CN')} 逐字节检查，没有残留。`
      : scan.state === 'pending'
        ? '数据库文件在后台清理之后还会逐字节检查；签发时尚未进行。'
        : '数据库文件在另一台服务器上，我们无法逐字节检查。',
  copies: '您自己保存的、或他人在此之前合法取得的副本，不受此次删除影响。',
  recipients: '曾收到您信息的接收方',
  noRecipients: '没有外部接收方收到过您的信息。',
  recipient: {
    waiting: '尚未通知',
    sent: '已发送删除要求，尚无答复',
    acknowledged: '已确认收到删除要求（不等于已经删除）',
    'verified-gone': '已核实删除',
    failed: '无法送达：请直接联系该接收方',
  },
  told: ({ id, protocol, state }) => `${id}（${protocol}）：${zh.recipient[state]}`,
  searched: (columns, at) => `删除后检查了 ${columns} 个数据列，没有找到您的任何标识：${timeWords(at, 'zh-CN')}。`,
  witness: '外部见证',
  seen: (name, at) => `${name} 于 ${timeWords(at, 'zh-CN')} 见证了登记此回执的日志。`,
  named: (names) => `回执列出了以下见证方，其签名须用它们的公钥核验：${names}。`,
  unseen: '尚无外部见证方看到登记此回执的日志：日志没有对不同的人显示不同内容这一点，目前只有我们的保证。',
  yours: '这是我的回执吗？',
  yoursHow:
    '回执不含姓名。输入我们单独告诉您的核验码和您当时的标识（账号、邮箱或手机号），即可确认。输入的内容不会离开此页。',
  salt: '核验码',
  identifier: '标识',
  compare: '核对',
  isYours: '是：这份回执属于该标识。',
  isNot: '不是：这份回执不属于该标识，或核验码有误。',
  details: '技术细节',
  facts: {
    received: '请求时间',
    completed: '完成时间',
    request: '请求编号',
    receipt: '回执编号',
    proved: '身份核实方式',
    regime: '适用规则',
    key: '签名密钥',
    place: '日志位置',
  },
  proof: {
    'device-secret': '设备密钥',
    'sms-code': '短信验证码',
    'mail-code': '邮件验证码',
    'mail-link': '邮件链接',
    'session-token': '商店登录',
    'server-key': '商店服务器',
    processor: '其他系统',
    officer: '工作人员',
    operator: '运营者',
  },
  elsewhere:
    '若想不依赖本页：请将签名密钥与商店公布的 /.well-known/jwks.json 比对，并用 weir verify-receipt 核验本文件。',
}

const en: PageWords = {
  title: 'Receipt of an erasure',
  intro: (issuer) =>
    `${issuer} has erased your personal data as you asked. This page says what is gone, what stays by law, and what we cannot reach. You can check it yourself, without asking us.`,
  checks: 'What was checked',
  noScript:
    'This browser runs no script, so nothing can be checked on this page. Check this file with weir verify-receipt.',
  signature: {
    waiting:
      'The signature was not checked. Where this line stays, the page is damaged or runs no script: check this file with weir verify-receipt.',
    good: 'The signature is valid: the receipt was signed by the key in this page, and nothing was changed.',
    bad: 'The signature is not valid: do not believe this receipt.',
    cannot:
      'This browser does not know Ed25519, so it cannot check the signature. Use a newer browser, or check this file with weir verify-receipt.',
  },
  shown: {
    waiting: 'The words were not compared.',
    good: 'The words that you see are those that were issued.',
    bad: 'The words of this page were changed: do not believe them.',
    cannot: 'The words were not compared.',
  },
  log: {
    waiting: 'The proof of the log was not checked.',
    good: 'The receipt stands in the tamper-evident log.',
    bad: 'The proof of the log is not valid: do not believe this receipt.',
    cannot: 'The proof of the log was not checked.',
  },
  gone: 'What is gone',
  done: ({ store, action, count_bucket: bucket }) => {
    const count = bucket === '1000+' ? '1000 records or more' : `${bucket.replace('-', ' to ')} records`
    return `${storeName(store, 1)}: ${ACTIONS[action][1]} (${count})`
  },
  models: (name, verified) =>
    verified
      ? `What “${destinationWords(name, 'en')}” computed no longer has you in it: compared byte for byte with a computation in which you had never been.`
      : `What “${destinationWords(name, 'en')}” computed had your part subtracted exactly; it was not compared with a new computation this time.`,
  stays: 'What stays by law',
  nothingStays: 'Nothing stays by law.',
  retained: ({ class: name, ground, until }) =>
    `“${classWords(name, 'en').name}” stays until ${until} because of ${lawWords(ground, 'en')}. It is then erased without being asked for, and you are told.`,
  restricted: 'What stays is used for nothing: it is sealed apart, and no module can read it.',
  tombstone:
    'A keyed hash stays, so that old data which comes late or is played again is refused. It leads to nobody, and goes on its day.',
  ledger: 'Proof of the choices that you made stays for its time, as nobody’s.',
  unreached: 'What we cannot reach',
  horizon: (day) => `After ${day} nobody, ourselves included, can open your data in any old copy of the database.`,
  backups: (day) => `Backups of the database are deleted by ${day} at the latest.`,
  backupsUnknown: 'We do not know when backups of the database are deleted.',
  files: (scan) =>
    scan.state === 'done'
      ? `The files of the database and its logs were searched byte by byte on ${timeWords(scan.at, 'en')}: nothing was left.`
      : scan.state === 'pending'
        ? 'The files of the database are searched byte by byte after they were cleaned; that was still to come when this was issued.'
        : 'The files of the database are on another server: we cannot search them byte by byte.',
  copies: 'Copies that you kept, or that others lawfully had before, are not touched by this erasure.',
  recipients: 'Who had received your data',
  noRecipients: 'No outside recipient had received your data.',
  recipient: {
    waiting: 'not told yet',
    sent: 'told to erase; no answer yet',
    acknowledged: 'confirmed that it was told (not that it has erased)',
    'verified-gone': 'verified to be gone',
    failed: 'could not be told: please ask them yourself',
  },
  told: ({ id, protocol, state }) => `${id} (${protocol}): ${en.recipient[state]}`,
  searched: (columns, at) =>
    `Afterwards ${columns} columns were searched, and nothing that names you was found (${timeWords(at, 'en')}).`,
  witness: 'Outside witness',
  seen: (name, at) => `${name} saw the log that has this receipt on ${timeWords(at, 'en')}.`,
  named: (names) =>
    `The receipt names these witnesses; their signatures are to be checked with their own keys: ${names}.`,
  unseen:
    'No outside witness has seen the log that has this receipt: that the log is the same for everybody rests on our word so far.',
  yours: 'Is this my receipt?',
  yoursHow:
    'The receipt has no name in it. Enter the check code that you alone were told, and what we knew you by (account, mail address or number). What you enter does not leave this page.',
  salt: 'Check code',
  identifier: 'What we knew you by',
  compare: 'Compare',
  isYours: 'Yes: this receipt is of that account, address or number.',
  isNot: 'No: this receipt is of another one, or the check code is wrong.',
  details: 'Details',
  facts: {
    received: 'Asked',
    completed: 'Completed',
    request: 'Request',
    receipt: 'Receipt',
    proved: 'Who asked was proved by',
    regime: 'Rules applied',
    key: 'Signed by key',
    place: 'Place in the log',
  },
  proof: {
    'device-secret': 'the device’s secret',
    'sms-code': 'a code by text message',
    'mail-code': 'a code by mail',
    'mail-link': 'a link by mail',
    'session-token': 'signing in at the shop',
    'server-key': 'the shop’s server',
    processor: 'another system',
    officer: 'an officer',
    operator: 'the operator',
  },
  elsewhere:
    'Not to rely on this page: hold the key against /.well-known/jwks.json of the shop, and check this file with weir verify-receipt.',
}

export const PAGE_WORDS: Readonly<Record<Language, PageWords>> = { 'zh-CN': zh, en }
