import type { Law } from '../policy/compiled.ts'
import type { Clock } from './clocks.ts'
import type { Scope } from './incident.ts'
import { blank, type Figures, type Section, type Wording } from './notice-wording.ts'

const CLASSES: Readonly<Record<string, string>> = {
  identity: '账号或设备标识符',
  contact: '联系方式',
  behaviour: '浏览、商品查看及站内行为记录',
  order: '订单及金额',
  technical: '网络、设备与语言信息',
  text: '个人填写的自由文本',
  sensitive: '敏感个人信息',
  unclassified: '尚未分类的字段',
}

const LAWS: Readonly<Record<Law, string>> = {
  PIPL: '《个人信息保护法》第五十七条',
  GDPR: '欧盟《通用数据保护条例》',
  CCPA: '《加利福尼亚州民法典》第1798.82条',
}

/** 每个时限的告知对象和依据。 */
const CLOCKS: Readonly<Record<string, readonly [whom: string, article: string]>> = {
  'cn-measures-authority': ['省级网信部门', '《国家网络安全事件报告管理办法》、《个人信息保护法》第五十七条'],
  'cn-pipl-authority': ['履行个人信息保护职责的部门', '《个人信息保护法》第五十七条'],
  'cn-pipl-people': ['个人', '《个人信息保护法》第五十七条'],
  'eu-gdpr-authority': ['主管监管机构', '《通用数据保护条例》第33条第1款'],
  'eu-gdpr-people': ['数据主体', '《通用数据保护条例》第34条'],
  'us-ca-people': ['加利福尼亚州居民', '《加利福尼亚州民法典》第1798.82条(a)款（SB 446修订）'],
  'us-ca-authority': ['加利福尼亚州总检察长', '《加利福尼亚州民法典》第1798.82条(f)款（SB 446修订）'],
}

/** 中文草稿。 */
export const chinese: Wording = {
  title: (law, to) => `个人信息安全事件${to === 'authority' ? '报告书' : '告知书'}（${LAWS[law]}）`,
  banner({ clock, term, dueLocal, applies }: Clock) {
    const [whom, article] = CLOCKS[clock.id] ?? [clock.authority, clock.article]
    return [
      '草稿，尚未发送。数字为系统统计结果；[… ] 处由人员填写，并经法律顾问审核。',
      `致：${whom}。依据：${article}。期限：${dueLocal ?? without(term)}。`,
      ...(applies === 'yes' ? [] : ['是否适用有待法律顾问确认，所依据的假设见事件档案。']),
    ]
  },
  sections(law, to, figures) {
    if (to === 'authority') return law === 'PIPL' ? toCac(figures) : law === 'GDPR' ? toDpa(figures) : toAg(figures)
    return law === 'CCPA' ? toResidents(figures) : toPeople(figures)
  },
}

/** 尚无期限时的说明：法律未规定，或尚未起算。 */
function without(term: Clock['term']): string {
  if ('days' in term) return `告知个人后${term.days}日内`
  if ('hours' in term) return `告知个人后${term.hours}小时内`
  return '立即，不得无故拖延（法律未规定具体时限）'
}

function toCac(figures: Figures): Section[] {
  return [
    section('一、报告单位', [
      blank('个人信息处理者名称、地址、统一社会信用代码'),
      `涉事系统：${blank('系统名称、功能、网络安全等级保护级别')}`,
      `是否为关键信息基础设施运营者：${figures.critical ? '是' : '否'}`,
    ]),
    section('二、时间、地点、类型和级别', [...times(figures), blank('地点、事件级别')]),
    section('三、涉及的个人信息种类和人数', numbers(figures)),
    section('四、发生原因', [what(figures.scope), blank('初步判断的原因：利用的漏洞、途径')]),
    section('五、已经造成和可能造成的危害', [blank('影响和危害，及其发展趋势')]),
    section('六、已采取的补救措施及效果', [blank('采取的措施、时间和效果')]),
    section('七、个人可以采取的减轻危害的措施', [blank('建议个人采取的措施')]),
    section('八、是否已通知个人', [told(figures)]),
    section('九、溯源线索、拟进一步采取的措施及请求支援事项', [blank('线索；拟采取的措施；请求事项')]),
    section('十、联系方式', [contact()]),
  ]
}

function toDpa(figures: Figures): Section[] {
  return [
    section('一、控制者', [blank('控制者及其欧盟代表的名称、地址')]),
    section('二、泄露的性质（第33条第3款a项）', [
      what(figures.scope),
      ...times(figures),
      blank('涉及保密性、完整性还是可用性；如何发生'),
    ]),
    section('三、数据主体和记录的类别与大致数量（第33条第3款a项）', [
      ...numbers(figures),
      `记录数：合计约 ${figures.records} 条。`,
    ]),
    section('四、数据保护官或其他联系人（第33条第3款b项）', [contact()]),
    section('五、可能的后果（第33条第3款c项）', [blank('对数据主体可能造成的后果')]),
    section('六、已采取或拟采取的措施（第33条第3款d项）', [blank('措施，包括减轻不利影响的措施')]),
    section('七、告知数据主体（第34条）', [
      `是否为高风险：${figures.highRisk ? '是' : blank('是或否，及理由')}`,
      told(figures),
    ]),
    section('八、超过72小时提交的理由（第33条第1款）', [blank('延迟的理由，或“未超时”')]),
    section('九、后续分阶段补充的内容（第33条第4款）', [blank('尚不清楚的内容及补充时间')]),
  ]
}

function toAg(figures: Figures): Section[] {
  return [
    section('一、企业', [blank('企业名称、地址')]),
    section('二、日期', [...times(figures), told(figures)]),
    section('三、涉及的加州居民人数和信息种类', numbers(figures)),
    section('四、泄露的性质', [what(figures.scope), blank('如何发生')]),
    section('五、是否因执法调查而延迟', [blank('是或否，及执法机构')]),
    section('六、致居民告知书样本', [blank('附上不含个人信息的样本')]),
    section('七、联系方式', [contact()]),
  ]
}

function toPeople(figures: Figures): Section[] {
  return [
    section('发生了什么', [...when(figures), blank('用通俗语言说明事件经过和原因')]),
    section('可能涉及您的哪些个人信息', kinds(figures)),
    section('可能造成的危害', [blank('用通俗语言说明可能的危害')]),
    section('我们已采取的补救措施', [blank('已采取和将采取的措施')]),
    section('您可以采取的措施', [
      '请警惕以本店名义索要密码、验证码或付款的信息。',
      blank('其他措施：修改密码、留意账户'),
    ]),
    section('联系我们', [contact()]),
  ]
}

/** 标题依第1798.82条(d)(1)，括注法定英文标题。 */
function toResidents(figures: Figures): Section[] {
  return [
    section('告知日期', [blank('日期')]),
    section('发生了什么（What Happened）', [...when(figures), blank('事件概况；是否因执法调查而延迟告知')]),
    section('涉及哪些信息（What Information Was Involved）', kinds(figures)),
    section('我们正在做什么（What We Are Doing）', [blank('已采取和将采取的措施')]),
    section('您可以做什么（What You Can Do）', [
      '请警惕以本店名义索要密码、验证码或付款的信息。',
      blank('其他措施；如涉及社会安全号或驾照号：征信机构信息及12个月身份盗用防护'),
    ]),
    section('更多信息（For More Information）', [blank('企业名称、免费电话、地址、网站')]),
  ]
}

function section(heading: string, lines: readonly string[]): Section {
  return { heading, lines }
}

function contact(): string {
  return blank('联系人、个人信息保护负责人的姓名、电话、电子邮箱')
}

function labelOf(name: string): string {
  return CLASSES[name] ?? `“${name}”类字段`
}

function numbers({ known, unknown, classes, erased }: Figures): string[] {
  return [
    `人数：已知适用本法的 ${known} 人；另有 ${unknown} 人所在地不明，可能适用。`,
    ...classes.map(([name, people]) => `- ${labelOf(name)}：${people} 人`),
    ...(classes.length === 0 ? [`- ${blank('个人信息种类：记录中未载明')}`] : []),
    ...gone(erased),
  ]
}

function gone({ people, records }: Figures['erased']): string[] {
  if (people === 0 && records === 0) return []
  const many = people === null ? '人数已无法确定' : `${people} 人`
  return [`此外，事后已被删除个人信息的：${many}${records > 0 ? `（记录 ${records} 条）` : ''}。`]
}

function kinds({ classes }: Figures): string[] {
  return classes.length === 0 ? [blank('个人信息种类')] : classes.map(([name]) => `- ${labelOf(name)}`)
}

function when({ from, to }: Figures): string[] {
  return [`时间：${from ?? blank('开始时间')} 至 ${to ?? blank('结束时间')}。`]
}

function times(figures: Figures): string[] {
  return [
    `开始：${figures.from ?? blank('开始时间')}；结束：${figures.to ?? blank('结束时间，或“仍在持续”')}。`,
    `发现时间：${figures.knownAt}（${figures.zone}）。档案编号：${figures.caseId}。`,
  ]
}

function told({ peopleToldAt }: Figures): string {
  return peopleToldAt === undefined ? `通知个人：${blank('时间和方式，或不通知的理由')}` : `通知个人：${peopleToldAt}。`
}

function what({ kind, target }: Scope): string {
  const words: Readonly<Record<Scope['kind'], string>> = {
    destination: `涉及接收方“${target}”可能收到的信息。`,
    export: `涉及审计日志条目或资源“${target}”项下查看或提供的信息。`,
    key: `涉及密钥 ${target} 所保护的信息。`,
    officer: `涉及一名有权限的工作人员查看或处理的信息（账号 ${target}）。`,
  }
  return words[kind]
}
