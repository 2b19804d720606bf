import type { Language } from '../request.ts'

/** What lies in the archive and how it is read, in plain words. */
export function readmeOf(language: Language, right: 'access' | 'portability'): string {
  return language === 'zh-CN' ? chinese(right) : english(right)
}

function english(right: 'access' | 'portability'): string {
  const files =
    right === 'access'
      ? `access.html      everything on one page: open it in a browser. It loads nothing from anywhere.
access.json      the same for programs; access-1.schema.json says what each member means.
*.csv            the same as tables, one file for each store, for a spreadsheet.`
      : `data.json        what you provided, for another service to take in; portability-1.schema.json
                 says what each member means.
*.csv            the same as tables.`
  const title = right === 'access' ? 'What we hold about you' : 'What you provided'
  return `${title}
${'='.repeat(title.length)}

${files}

Times are UTC. "user-1", "device-2" are what you are called in these files.

Tables (CSV) are UTF-8, with commas, by RFC 4180. A text that a spreadsheet could take for a formula
(it begins with = + - @, a tab or a line break) has an apostrophe ' before it; take it away where you
need the text as it was. Numbers are left as they are.

"[… withheld]" stands where something is kept that is not shown here: somebody else's data (the
address that you shared an article with), credentials, full numbers of cards and identity documents.

Keep this file safe: it is about you. Nobody at the shop has a copy of it, and nobody has the
passphrase; if you lose it, download it again.

Something is wrong? You may have it corrected or erased, and you may complain to the authority for
data protection where you live.
`
}

function chinese(right: 'access' | 'portability'): string {
  const files =
    right === 'access'
      ? `access.html      全部内容，一页可读：用浏览器打开即可，不会从任何地方加载内容。
access.json      同样的内容，供程序读取；access-1.schema.json 说明各项含义。
*.csv            同样的内容，每个存储一张表，可用电子表格打开。`
      : `data.json        您提供的信息，可转移到其他服务；portability-1.schema.json 说明各项含义。
*.csv            同样的内容，表格形式。`
  const title = right === 'access' ? '我们持有的关于您的信息' : '您提供给我们的信息'
  return `${title}
${'='.repeat(title.length * 2)}

${files}

JSON 与表格中的时间为世界协调时（UTC）${right === 'access' ? '，access.html 中为北京时间' : ''}。“user-1”“device-2”是这些文件中对您的用户与设备的称呼。

表格（CSV）采用 UTF-8 编码、逗号分隔，遵循 RFC 4180。可能被电子表格当作公式的文本
（以 = + - @、制表符或换行开头）前面加了一个撇号 '；需要原文时请去掉。数字保持原样。

出现“[… withheld]”之处，是有所保存但不在此展示的内容：他人的信息（例如您分享商品时
填写的对方地址）、登录凭证、银行卡和身份证件的完整号码。

请妥善保管此文件：其中是您的个人信息。商店没有留存此文件，也没有人保存您的口令；
如果遗忘，请重新下载。

如有不符，您可以要求更正或删除，也可以向履行个人信息保护职责的部门投诉。
`
}
