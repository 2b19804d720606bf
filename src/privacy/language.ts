import type { Language } from '../rights/request.ts'

/** RFC 9110 §12.5.4: the one of our languages that the browser weighs most; English where it names neither. */
export function languageOf(header: string | undefined): Language {
  let best: { language: Language; weight: number } = { language: 'en', weight: 0 }
  for (const part of (header ?? '').slice(0, 500).split(',')) {
    const [tag = '', ...parameters] = part.trim().toLowerCase().split(';')
    const quality = parameters
      .map((one) => /^\s*q=([01](?:\.\d{0,3})?)\s*$/.exec(one)?.[1])
      .find((q) => q !== undefined)
    const weight = quality === undefined ? 1 : Number(quality)
    const language =
      tag === 'zh' || tag.startsWith('zh-') ? 'zh-CN' : tag === 'en' || tag.startsWith('en-') ? 'en' : undefined
    if (language !== undefined && weight > best.weight) best = { language, weight }
  }
  return best.language
}
