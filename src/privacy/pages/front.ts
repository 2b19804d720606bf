import { html } from '../html.ts'
import { ROOT } from '../layout.ts'
import type { PageReply, Told, Turn } from '../turn.ts'

interface Door {
  readonly to: string
  readonly name: string
  readonly what: string
  readonly press: string
}

const WORDS: Told<{
  readonly title: string
  readonly lead: string
  readonly doors: readonly Door[]
  readonly rights: string
}> = {
  'zh-CN': {
    title: '您的个人信息，由您决定',
    lead: '在这里，您可以查看商店持有的关于您的信息、为什么持有、提供给了谁，也可以随时撤回同意、更正或删除。',
    rights: '这些权利来自《个人信息保护法》第四十四至第五十条。行使权利不收费，也不影响您购物。',
    doors: [
      {
        to: '/sign-in',
        name: '登录查看',
        what: '用商店留存的邮箱或手机号登录。在商店已登录时，也可从商店页面直接进入。',
        press: '登录',
      },
      {
        to: '/ask',
        name: '不登录，直接提出请求',
        what: '查阅、复制、更正、删除、限制使用或拒绝。我们会向留存的联系方式确认是您本人。',
        press: '提出请求',
      },
      {
        to: '/follow',
        name: '查看已提出的请求',
        what: '用请求编号和密码查看进度、撤回请求，或领取结果。',
        press: '查看进度',
      },
      {
        to: '/receipt',
        name: '核验删除回执',
        what: '粘贴删除回执，即可核对其是否真实、完整。任何人都可以核验。',
        press: '核验',
      },
    ],
  },
  en: {
    title: 'Your data, your decision',
    lead: 'See what the shop holds about you, why, and who received it. Take back your consent, have data corrected or have it erased, whenever you like.',
    rights:
      'The law gives you these rights (GDPR art. 12 to 22, PIPL art. 44 to 50). Using them is free, and changes nothing about how you shop.',
    doors: [
      {
        to: '/sign-in',
        name: 'Sign in',
        what: 'With the e-mail address or phone number that the shop has of you. Signed in at the shop? Its page brings you here directly.',
        press: 'Sign in',
      },
      {
        to: '/ask',
        name: 'Ask without signing in',
        what: 'See, copy, correct, erase, restrict or object. We confirm with the contact on file that it is you.',
        press: 'Make a request',
      },
      {
        to: '/follow',
        name: 'Follow a request',
        what: 'With its number and its secret: see how far it is, take it back, collect the answer.',
        press: 'Follow',
      },
      {
        to: '/receipt',
        name: 'Check an erasure receipt',
        what: 'Paste a receipt and see whether it is genuine. Anybody can.',
        press: 'Check',
      },
    ],
  },
}

/** The door of the house. */
export function frontPage({ locale: { language } }: Turn): PageReply {
  const { title, lead, doors, rights } = WORDS[language]
  const cards = doors.map(
    ({ to, name, what, press }, i) => html`<li class="card"><h2>${name}</h2><p>${what}</p>
<p><a class="button${i === 0 && ' main'}" href="${ROOT}${to}">${press}<span class="unseen"> ${name}</span></a></p></li>`,
  )
  return {
    title,
    body: html`<h1>${title}</h1><p class="lead">${lead}</p><ul class="grid">${cards}</ul><p class="quiet">${rights}</p>`,
  }
}
