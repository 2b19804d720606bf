import { bitOf, type Purpose, type PurposeMask } from '../../event/purpose.ts'
import type { CompiledPolicy } from '../../policy/compiled.ts'
import type { Language } from '../../rights/request.ts'
import { type Html, html } from '../html.ts'
import type { Told } from '../turn.ts'
import { basisWords } from '../words.ts'

export type Choice = 'granted' | 'refused' | 'none'

const WORDS: Told<Readonly<Record<Choice, string>>> = {
  'zh-CN': { granted: '已同意', refused: '已拒绝', none: '未选择，不使用' },
  en: { granted: 'You allow it', refused: 'You refuse it', none: 'Not chosen: not used' },
}

export interface Choices {
  readonly granted: PurposeMask
  readonly refused: PurposeMask
}

export function choiceOf(purpose: Purpose, { granted, refused }: Choices): Choice {
  const bit = bitOf(purpose)
  return (refused & bit) !== 0 ? 'refused' : (granted & bit) !== 0 ? 'granted' : 'none'
}

/** How a purpose stands with somebody: by their choice, or by what else it rests on. */
export function choiceTag(
  purpose: Purpose,
  about: { readonly compiled: CompiledPolicy; readonly choices: Choices; readonly language: Language },
): Html {
  const { compiled, choices, language } = about
  if ((compiled.needsConsent & bitOf(purpose)) === 0) {
    return html`<span class="tag">${basisWords(compiled.basisOf[purpose], language)}</span>`
  }
  const choice = choiceOf(purpose, choices)
  const look = choice === 'granted' ? 'tag yes' : choice === 'refused' ? 'tag no' : 'tag'
  return html`<span class="${look}">${WORDS[language][choice]}</span>`
}
