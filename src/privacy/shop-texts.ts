import { readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { AppError } from '../errors.ts'
import type { Language } from '../rights/request.ts'

/** What the operator wrote for the privacy centre, beside the policy. */
export interface ShopTexts {
  /** How to complain, in paragraphs of plain text: `privacy-complaints.zh-CN.txt`, `privacy-complaints.en.txt`. */
  readonly complaints: Readonly<Partial<Record<Language, readonly string[]>>>
  /** CSS variables in place of ours: `privacy-theme.css`. */
  readonly theme: string
}

const MAX_CHARACTERS = 20_000
const DECLARATION = /^--[a-z][a-z0-9-]{0,40}\s*:\s*[^;{}<>\\@"']{1,200};$/

/** Reads them from where the policy is. Throws AppError `config` for a theme that is more than variables. */
export async function readShopTexts(policyDir: string): Promise<ShopTexts> {
  const folder = (await stat(policyDir)).isDirectory() ? policyDir : dirname(policyDir)
  const read = (name: string): Promise<string> =>
    readFile(join(folder, name), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return ''
      throw error
    })
  const [zh, en, theme] = await Promise.all([
    read('privacy-complaints.zh-CN.txt'),
    read('privacy-complaints.en.txt'),
    read('privacy-theme.css'),
  ])
  const complaints = { ...paragraphs('zh-CN', zh), ...paragraphs('en', en) }
  return { complaints, theme: variables(theme) }
}

function paragraphs(language: Language, text: string): Partial<Record<Language, readonly string[]>> {
  const found = text
    .slice(0, MAX_CHARACTERS)
    .split(/\n\s*\n/)
    .map((one) => one.trim())
    .filter((one) => one !== '')
  return found.length === 0 ? {} : { [language]: found }
}

/**
 * `:root{…}` and the same for dark, of nothing but `--name: value;` lines, and no url(): the page loads nothing of anybody.
 * A line `dark:` begins what holds in the dark.
 */
function variables(text: string): string {
  const lines = text
    .slice(0, MAX_CHARACTERS)
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  const at = lines.indexOf('dark:')
  const light = at === -1 ? lines : lines.slice(0, at)
  const dark = at === -1 ? [] : lines.slice(at + 1)
  for (const line of [...light, ...dark]) {
    if (DECLARATION.test(line) && !/url\s*\(|image|import|expression/i.test(line)) continue
    const message =
      'privacy-theme.css may hold lines such as `--accent: #0a5c36;`, and `dark:` before those for the dark'
    throw new AppError('invalid', message, { code: 'config' })
  }
  const inDark = dark.length === 0 ? '' : `@media (prefers-color-scheme:dark){:root{${dark.join('')}}}`
  return light.length === 0 && inDark === '' ? '' : `:root{${light.join('')}}${inDark}`
}
