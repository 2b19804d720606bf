export type Lang = 'en' | 'zh'

/** The language that a locale such as zh_CN.UTF-8 asks for; English where it asks for none of ours. */
export function langOf(locale: string | undefined): Lang {
  return locale?.toLowerCase().startsWith('zh') === true ? 'zh' : 'en'
}

/** Every sentence of the demo, in one language. Numbers come formatted. */
export type Words = typeof en

const en = {
  locale: 'en',
  colon: ': ',
  betweenSentences: ' ',
  comma: ', ',
  brackets: (text: string) => ` (${text})`,
  title: (people: string, days: string) => `Weir demo: a tea shop, ${people} people, ${days} days`,
  synthetic: (seed: number) => `The data are synthetic, made from seed ${seed}: nobody in them is real.`,
  steps: {
    start: 'start a gateway of its own process, Postgres included',
    keys: 'make a write key and two tokens',
    send: 'send the shop through @segment/analytics-node',
    settle: 'wait until the modules have caught up',
    look: 'ask for reports, lists and a decision',
    leave: 'one person withdraws',
  },
  details: {
    dataDir: (url: string, dataDir: string) => `${url}, data in ${dataDir}`,
    sent: (events: string) => `${events} events`,
    otherPort: (wished: number, port: number) => `Port ${wished} is taken, so it is ${port} this time.`,
    readyIn: (total: string) => `All of it took ${total} s.`,
    stopping: 'Stopping the gateway…',
    stopped: 'Stopped. Nothing is left running.',
    removed: 'Its data are removed.',
    kept: (dataDir: string) => `The data stay in ${dataDir}: WEIR_DATA_DIR=${dataDir} npm start`,
  },
  heads: {
    events: 'What became of the events',
    refused: 'The three commonest reasons for a refusal',
    delivered: 'Delivered, each module under a pseudonym of its own',
    credit: 'Orders and revenue by channel, by the first and by the last touch',
    also: 'Also bought',
    decision: 'One decision explained',
    leave: 'One person withdraws',
    next: 'To go on with',
  },
  columns: {
    outcome: 'outcome',
    events: 'events',
    share: 'share',
    reason: 'why',
    code: 'code',
    module: 'module',
    withheld: 'kept back: consent had gone',
    channel: 'channel',
    orders: 'orders',
    revenue: 'revenue',
    cost: 'cost',
    roi: 'ROI',
    first: 'first',
    last: 'last',
    with: 'with',
    product: 'people also buy',
    together: 'orders with both',
    what: '',
    before: 'before',
    after: 'after',
  },
  outcomes: {
    received: 'received',
    accepted: 'accepted',
    refused: 'refused',
    duplicate: 'duplicate',
    invalid: 'invalid',
  },
  reasons: {
    'no-consent': 'nobody asked this person, or not for this purpose',
    'refused-by-person': 'the person refused or withdrew',
    'refused-by-signal': 'the message itself refuses',
    'unknown-event': 'the policy does not know the event',
    'no-route': 'the policy hands the event to nobody',
  } as Record<string, string>,
  modules: { attribution: 'attribution', recommendation: 'recommendation' } as Record<string, string>,
  purposes: { attribution: 'attribution', personalisation: 'personalisation' } as Record<string, string>,
  channels: {} as Record<string, string>,
  refusalNote:
    'A refusal is answered 200 and keeps no content and no identifier. It still counts in sums that know nobody.',
  otherReason: (events: string, code: string, why: string) => `and ${events} ${code}: ${why}`,
  deliveredNote:
    'A module is handed only what its purpose has consent for. Where a withdrawal in the sample overtakes delivery, what waits is erased, not delivered: how much that is depends on the moment, so these figures differ from run to run.',
  unattributed: (orders: string, value: string) =>
    `Unattributed: ${orders} orders, ${value}, of people who did not permit it. Known as sums of ten orders or more, and never spread over channels.`,
  unattributedUnknown: 'Unattributed: not shown yet, because fewer than ten orders would stand behind the figure.',
  story: (opens: string, closes: string, n: Record<'oFirst' | 'oLast' | 'cFirst' | 'cLast', string>) =>
    `${opens} opens ${n.oFirst} orders and closes ${n.oLast}; ${closes} opens ${n.cFirst} and closes ${n.cLast}. Who looks at the last touch alone would cut what brings people in.`,
  decision: {
    of: (event: string, messageId: string, version: number) =>
      `${event} ${messageId}, under policy version ${version}:`,
    permitted: (module: string) => `${module} received it`,
    notPermitted: (module: string) => `${module} did not`,
    because: (purpose: string, clause: string, line: number) => `${clauseWords(clause, purpose)} (policy line ${line})`,
    removed: (fields: string) => `Reached no module: ${fields}.`,
    change: (purposes: string) => `What would have changed it: consent to ${purposes}.`,
  },
  leave: {
    who: (person: string) =>
      `${person} came by a creator’s post, came back by a search ad, and ordered. Now they take everything back.`,
    answered: (ms: string) => `Answered after ${ms} ms: from that moment no module is handed anything more of theirs.`,
    orders: 'orders that the reports count',
    opened: (channel: string) => `opened by ${channel}`,
    closed: (channel: string) => `closed by ${channel}`,
    mode: 'recommendations for them are',
    next: 'last event before, first one after',
    forgotten: (ms: string) => `The reports had forgotten them after ${ms} ms; the promise is a minute.`,
  },
  modes: { personal: 'personal', context: 'the same as for everybody' } as Record<string, string>,
  next: {
    decisionOf: 'why an order was refused',
    credit: 'credit by another model',
    also: 'what goes with a porcelain gaiwan',
    stays: 'The gateway goes on until Ctrl-C; then its data are removed. The tokens are good until then.',
    staysKept: 'The gateway goes on until Ctrl-C.',
    again: 'On a terminal, and without --exit, the gateway stays so that you can go on asking: npm run demo',
  },
}

function clauseWords(clause: string, purpose: string): string {
  if (clause === 'granted') return `consent to ${purpose} was given and stands`
  if (clause === 'refused-by-person') return `${purpose} was refused or withdrawn`
  if (clause === 'no-consent') return `there is no consent to ${purpose}`
  return clause
}

const zh: Words = {
  locale: 'zh-CN',
  colon: '：',
  betweenSentences: '',
  comma: '、',
  brackets: (text) => `（${text}）`,
  title: (people, days) => `Weir 演示：一家茶叶店，${people} 人，${days} 天`,
  synthetic: (seed) => `数据均为合成（随机种子 ${seed}），不涉及任何真实个人。`,
  steps: {
    start: '启动独立进程的网关（内含 Postgres）',
    keys: '生成写入密钥和两个令牌',
    send: '通过 @segment/analytics-node 发送店铺数据',
    settle: '等待各模块处理完毕',
    look: '查询报表、推荐列表和一条判定',
    leave: '一人撤回同意',
  },
  details: {
    dataDir: (url, dataDir) => `${url}，数据在 ${dataDir}`,
    sent: (events) => `${events} 条事件`,
    otherPort: (wished, port) => `端口 ${wished} 已被占用，本次改用 ${port}。`,
    readyIn: (total) => `全程用时 ${total} 秒。`,
    stopping: '正在停止网关…',
    stopped: '已停止，没有遗留任何进程。',
    removed: '数据已删除。',
    kept: (dataDir) => `数据保留在 ${dataDir}：WEIR_DATA_DIR=${dataDir} npm start`,
  },
  heads: {
    events: '事件的去向',
    refused: '最常见的三个拒绝原因',
    delivered: '已交付：每个模块各用一套去标识化标识',
    credit: '各渠道的订单与收入：首次触点与末次触点',
    also: '还买了什么',
    decision: '解释一条判定',
    leave: '一人撤回同意',
    next: '接下来',
  },
  columns: {
    outcome: '结果',
    events: '事件数',
    share: '占比',
    reason: '原因',
    code: '代码',
    module: '模块',
    withheld: '因已撤回同意而未交付',
    channel: '渠道',
    orders: '订单',
    revenue: '收入',
    cost: '花费',
    roi: 'ROI',
    first: '首次',
    last: '末次',
    with: '商品',
    product: '还买了什么',
    together: '同含两者的订单',
    what: '',
    before: '之前',
    after: '之后',
  },
  outcomes: { received: '收到', accepted: '接收', refused: '拒绝', duplicate: '重复', invalid: '无效' },
  reasons: {
    'no-consent': '未就此目的征得本人同意',
    'refused-by-person': '本人拒绝或已撤回同意',
    'refused-by-signal': '消息自带拒绝信号',
    'unknown-event': '策略中没有该事件',
    'no-route': '策略不将该事件交给任何接收方',
  },
  modules: { attribution: '归因', recommendation: '推荐' },
  purposes: { attribution: '归因', personalisation: '个性化' },
  channels: {
    Influencer: '达人',
    'Paid Search': '付费搜索',
    'Paid Social': '付费社交',
    'Organic Social': '自然社交',
    'Organic Search': '自然搜索',
    Email: '邮件',
    Direct: '直接访问',
    Referral: '外链',
    Unassigned: '未分类',
  },
  refusalNote: '拒绝以 200 答复，不保留内容和标识符；但仍计入不涉及任何个人的汇总。',
  otherReason: (events, code, why) => `另有 ${events} 条 ${code}：${why}`,
  deliveredNote:
    '每个模块只收到其目的已获同意的事件。样本中若撤回先于交付，尚未交付的事件会被删除，不再交付；数量取决于当时的时刻，所以每次运行的数字会有不同。',
  unattributed: (orders, value) =>
    `未归因：${orders} 笔订单，${value}，来自未同意归因的人。仅以十笔以上的汇总可知，绝不分摊到各渠道。`,
  unattributedUnknown: '未归因：暂不显示，因为背后不足十笔订单。',
  story: (opens, closes, n) =>
    `${opens}带来 ${n.oFirst} 笔订单的首次触点，只促成 ${n.oLast} 笔；${closes}首次触点 ${n.cFirst} 笔，促成 ${n.cLast} 笔。只看末次触点，就会砍掉真正带来顾客的渠道。`,
  decision: {
    of: (event, messageId, version) => `${event} ${messageId}，策略版本 ${version}：`,
    permitted: (module) => `${module}模块已收到`,
    notPermitted: (module) => `${module}模块未收到`,
    because: (purpose, clause, line) => `${clauseInChinese(clause, purpose)}（策略第 ${line} 行）`,
    removed: (fields) => `没有到达任何模块的字段：${fields}。`,
    change: (purposes) => `怎样会不同：同意${purposes}。`,
  },
  leave: {
    who: (person) => `${person} 看了达人笔记而来，又点搜索广告回访并下单。现在撤回全部同意。`,
    answered: (ms) => `${ms} 毫秒后得到答复：从此刻起，不再有任何数据交给模块。`,
    orders: '报表计入的订单',
    opened: (channel) => `首次触点为${channel}`,
    closed: (channel) => `末次触点为${channel}`,
    mode: '给此人的推荐',
    next: '撤回前最后一条、撤回后第一条事件',
    forgotten: (ms) => `${ms} 毫秒后报表已将其遗忘；承诺的期限是一分钟。`,
  },
  modes: { personal: '个性化', context: '与所有人相同' },
  next: {
    decisionOf: '一笔订单为何被拒绝',
    credit: '换一种模型看归因',
    also: '什么与白瓷盖碗一起买',
    stays: '网关持续运行，按 Ctrl-C 结束并删除数据；令牌在此之前有效。',
    staysKept: '网关持续运行，按 Ctrl-C 结束。',
    again: '在终端中运行且不加 --exit 时，网关会保持运行，可以继续查询：npm run demo',
  },
}

function clauseInChinese(clause: string, purpose: string): string {
  if (clause === 'granted') return `已同意${purpose}且仍然有效`
  if (clause === 'refused-by-person') return `已拒绝或撤回${purpose}`
  if (clause === 'no-consent') return `没有对${purpose}的同意`
  return clause
}

export const WORDS: Readonly<Record<Lang, Words>> = { en, zh }
