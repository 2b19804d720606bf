import type { Purpose } from '../event/purpose.ts'
import type { CompiledPolicy, Destination } from '../policy/compiled.ts'
import type { Language } from '../rights/request.ts'
import { type Named, PURPOSE_WORDS } from '../rights/words.ts'
import type { Told } from './turn.ts'

export { classWords, destinationWords, lawWords } from '../rights/words.ts'

/** A purpose in the shop's own words where its policy has them in this language, else in ours. */
export function purposeWords(purpose: Purpose, language: Language, policy: Pick<CompiledPolicy, 'meansOf'>): Named {
  const ours = PURPOSE_WORDS[language][purpose]
  return { name: ours.name, means: policy.meansOf[purpose]?.[language] ?? ours.means }
}

const BASIS_WORDS: Told<Readonly<Record<CompiledPolicy['basisOf'][Purpose], string>>> = {
  'zh-CN': { consent: '您的同意', contract: '履行与您的合同', 'legal-duty': '法定义务' },
  en: { consent: 'Your consent', contract: 'Your contract with the shop', 'legal-duty': 'A legal duty' },
}

export function basisWords(basis: CompiledPolicy['basisOf'][Purpose], language: Language): string {
  return BASIS_WORDS[language][basis]
}

const ROLE_WORDS: Told<Readonly<Record<Destination['role'], string>>> = {
  'zh-CN': { self: '商店自用', entrusted: '受商店委托处理', joint: '与商店共同处理', 'third-party': '对外提供' },
  en: {
    self: 'for the shop: its own system',
    entrusted: 'on behalf of the shop',
    joint: 'together with the shop',
    'third-party': 'for purposes of its own',
  },
}

export function roleWords(role: Destination['role'], language: Language): string {
  return ROLE_WORDS[language][role]
}

/** A region by its ISO 3166 code, in words. */
export function regionWords(code: string, language: Language): string {
  return new Intl.DisplayNames([language], { type: 'region' }).of(code.slice(0, 2)) ?? code
}
