import { OFFSETS } from '../format.ts'
import type { GoReply, Turn } from '../turn.ts'

/** Language and time zone, kept in the visit; back to where it was chosen. */
export function settings({ form, visit }: Turn): GoReply {
  const language = form.text('language')
  const offset = Number(form.text('offset') ?? Number.NaN)
  const back = form.text('back') ?? ''
  return {
    go: /^(\/[A-Za-z0-9_-]+)*$/.test(back) ? back : '',
    visit: {
      ...visit,
      ...(language === 'zh-CN' || language === 'en' ? { language } : {}),
      ...(OFFSETS.includes(offset) ? { offset } : {}),
    },
  }
}
