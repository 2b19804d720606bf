import { type Html, html } from '../html.ts'
import type { Told, Turn } from '../turn.ts'

const WORDS: Told<{ readonly nobody: string; readonly more: string }> = {
  'zh-CN': {
    nobody: '这里没有关于您的任何信息。',
    more: '未经您同意，不会收集或使用您的信息。如果您刚刚要求删除，说明删除已经完成：请在“按编号查看请求”中领取回执。',
  },
  en: {
    nobody: 'Nothing is held about you here.',
    more: 'Without your consent nothing is gathered or used. If you asked for erasure: it is done, and its receipt is with the request, under “Follow a request”.',
  },
}

/** For somebody of whom nothing is held: not yet, or not any more. */
export function nobodyNote({ locale: { language } }: Turn): Html {
  const { nobody, more } = WORDS[language]
  return html`<div class="note"><p><strong>${nobody}</strong></p><p>${more}</p></div>`
}

const STOPPED: Told<string> = {
  'zh-CN': '您的信息已停用，仅依法保存：不用于任何目的，也不提供给任何人。',
  en: 'Your data is kept and used for nothing: for no purpose, and given to nobody.',
}

/** For somebody whose data is restricted. */
export function stoppedNote({ locale: { language } }: Turn): Html {
  return html`<div class="note"><p><strong>${STOPPED[language]}</strong></p></div>`
}
