import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type Channels, readChannels } from '../../../src/modules/attribution/channels.ts'

const TEXT = readFileSync(new URL('../../../policies/channels.yaml', import.meta.url), 'utf8')

function channelsOf(text: string): Channels {
  const read = readChannels(text, 'channels.yaml')
  if ('lines' in read) throw new Error(read.lines.join('\n'))
  return read.channels
}

/** `source / medium / campaign`, or `from host`. */
function wayOf(said: string): Parameters<Channels['of']>[0] {
  const nothing = { source: '', medium: '', campaign: '', creative: '', tag: '', referrer: '' }
  if (said.startsWith('from ')) return { ...nothing, referrer: said.slice(5) }
  const [source = '', medium = '', campaign = ''] = said.split(' / ')
  return { ...nothing, source, medium, campaign }
}

describe('the channels that are shipped', () => {
  const shipped = channelsOf(TEXT)
  test.each([
    // Google Analytics 4's default channel group
    ['google / cpc', 'Paid Search'],
    ['google / organic', 'Organic Search'],
    ['from www.google.co.uk', 'Organic Search'],
    ['bing / ppc', 'Paid Search'],
    ['google / cpc / summer cross-network', 'Cross-network'],
    ['google / cpc / spring-shopping', 'Paid Shopping'],
    ['somewhere / cpc / workshop', 'Paid Other'],
    ['somewhere / paid', 'Paid Other'],
    ['facebook / paid_social', 'Paid Social'],
    ['facebook / cpm', 'Paid Social'],
    ['facebook / affiliate', 'Organic Social'],
    ['somewhere / cpm', 'Display'],
    ['somewhere / banner', 'Display'],
    ['somewhere / retargeting', 'Paid Other'],
    ['facebook / ', 'Organic Social'],
    ['somewhere / social-media', 'Organic Social'],
    ['from l.facebook.com', 'Organic Social'],
    ['from t.co', 'Organic Social'],
    ['youtube / cpv', 'Paid Video'],
    ['youtube / post', 'Organic Video'],
    ['youtube / cpc', 'Paid Video'],
    ['from m.youtube.com', 'Organic Video'],
    ['somewhere / video', 'Organic Video'],
    ['amazon / ', 'Organic Shopping'],
    ['from www.amazon.de', 'Organic Shopping'],
    ['mailing / email', 'Email'],
    ['from mail.google.com', 'Email'],
    ['partner / affiliate', 'Affiliates'],
    ['partner / referral', 'Referral'],
    ['from blog.example', 'Referral'],
    ['spotify / audio', 'Audio'],
    ['sms / ', 'SMS'],
    ['app / web_push', 'Mobile Push Notifications'],
    ['firebase / x', 'Mobile Push Notifications'],
    ['somewhere / else', 'Unassigned'],
    ['somewhere / ', 'Unassigned'],
    // The Chinese platforms, in Latin, in Chinese and by host
    ['xiaohongshu / cpc', 'Paid Social'],
    ['小红书 / 信息流', 'Paid Social'],
    ['from www.xiaohongshu.com', 'Organic Social'],
    ['xiaohongshu / kol', 'Influencer'],
    ['小红书 / 达人', 'Influencer'],
    ['douyin / koc', 'Influencer'],
    ['weibo / influencer', 'Influencer'],
    ['douyin / cpc', 'Paid Social'],
    ['抖音 / ', 'Organic Social'],
    ['from www.douyin.com', 'Organic Social'],
    ['kuaishou / cpm', 'Paid Social'],
    ['快手 / ', 'Organic Social'],
    ['from v.kuaishou.com', 'Organic Social'],
    ['weixin / cpc', 'Paid Social'],
    ['微信 / 公众号', 'Organic Social'],
    ['wechat / ', 'Organic Social'],
    ['from mp.weixin.qq.com', 'Organic Social'],
    ['weibo / cpc', 'Paid Social'],
    ['微博 / ', 'Organic Social'],
    ['from m.weibo.cn', 'Organic Social'],
    ['baidu / cpc', 'Paid Search'],
    ['baidu / sem', 'Paid Search'],
    ['百度 / 竞价', 'Paid Search'],
    ['from www.baidu.com', 'Organic Search'],
    ['from tieba.baidu.com', 'Organic Social'],
    ['360 / sem', 'Paid Search'],
    ['taobao / cpc', 'Paid Shopping'],
    ['淘宝 / ', 'Organic Shopping'],
    ['from s.taobao.com', 'Organic Shopping'],
    ['tmall / ', 'Organic Shopping'],
    ['天猫 / paid', 'Paid Shopping'],
    ['from detail.tmall.com', 'Organic Shopping'],
    ['jd / cpc', 'Paid Shopping'],
    ['京东 / ', 'Organic Shopping'],
    ['from item.jd.com', 'Organic Shopping'],
    ['pinduoduo / ', 'Organic Shopping'],
    ['拼多多 / cpc', 'Paid Shopping'],
    ['from mobile.yangkeduo.com', 'Organic Shopping'],
    ['bilibili / cpc', 'Paid Video'],
    ['哔哩哔哩 / ', 'Organic Video'],
    ['from www.bilibili.com', 'Organic Video'],
    ['zhihu / cpc', 'Paid Social'],
    ['知乎 / ', 'Organic Social'],
    ['from www.zhihu.com', 'Organic Social'],
    ['taobao / cps', 'Affiliates'],
    ['crm / 短信', 'SMS'],
    ['crm / 推送', 'Mobile Push Notifications'],
  ])('%s → %s', (said, channel) => {
    expect(shipped.of(wayOf(said))).toBe(channel)
  })

  test.each(['alipay.com', 'excashier.alipay.com', 'www.paypal.com', 'checkout.stripe.com', 'accounts.google.com'])(
    'whom %s sends back came from nowhere, but for a campaign tag',
    (referrer) => {
      expect(shipped.of({ ...wayOf(''), referrer })).toBeUndefined()
      expect(shipped.of({ ...wayOf('xiaohongshu / kol'), referrer })).toBe('Influencer')
    },
  )
})

describe('a file that cannot be taken is refused with its place', () => {
  const small = (rules: string, more = ''): string =>
    `apiVersion: weir/v1\ncategories:\n  search: {names: [baidu], hosts: [baidu.com]}\nrules:\n${rules}\n${more}`
  test.each([
    ['no YAML', 'rules: [', /^channels\.yaml:\d+:\d+: not valid YAML/],
    [
      'an unknown key',
      small('  - {channel: X, when: [{category: search}]}', 'extra: 1'),
      /^channels\.yaml:6:1: `extra` is not known here: take it out/,
    ],
    [
      'an unknown category',
      small('  - {channel: X, when: [{category: serach}]}'),
      /^channels\.yaml:5:\d+: there is no category `serach`: write one of search$/,
    ],
    ['an unknown group of media', small('  - {channel: X, when: [{media: paid}]}'), /:5:\d+: there is no media `paid`/],
    ['an empty condition', small('  - {channel: X, when: [{}]}'), /:5:\d+: .*write at least one of category/],
    ['the name of no touch', small('  - {channel: Direct, when: [{category: search}]}'), /Direct is what no touch/],
    [
      'a URL for a host',
      small('  - {channel: X, when: [{category: search}]}', 'ignore_referrers: ["https://alipay.com/"]'),
      /:6:\d+: .*write a host without scheme/,
    ],
    [
      'a name in two categories',
      small('  - {channel: X, when: [{category: search}]}').replace('rules:', '  social: {names: [baidu]}\nrules:'),
      /:4:\d+: `baidu` stands twice in the categories: keep one of the two/,
    ],
    ['nothing', '', /the file is not right|is missing|write apiVersion/],
  ])('%s', (_what, text, line) => {
    const read = readChannels(text, 'channels.yaml')
    expect('lines' in read ? read.lines[0] : 'taken').toMatch(line)
  })
})
