import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..', '..')

async function documents(): Promise<string[]> {
  const inDocs = (await readdir(join(ROOT, 'docs'), { recursive: true })).map((name) => join(ROOT, 'docs', name))
  return [...inDocs, ...['README.md', 'SECURITY.md', 'CHANGELOG.md'].map((name) => join(ROOT, name))].filter((path) =>
    path.endsWith('.md'),
  )
}

/** Links to other files, and paths of this repository in backticks. `data/` is made at start, `*` names no file. */
function pathsIn(text: string): { links: string[]; paths: string[] } {
  const links = [...text.matchAll(/\]\((?!https?:)([^)#\s]+)/g)].map(([, target]) => target!)
  const paths = [...text.matchAll(/`((?:src|test|drizzle|policies|docs|bin|\.ci)\/[\w./-]*)`/g)].map(
    ([, path]) => path!,
  )
  return { links, paths }
}

test('what the documents point to is there', async () => {
  const missing: string[] = []
  let looked = 0
  for (const file of await documents()) {
    const { links, paths } = pathsIn(await readFile(file, 'utf8'))
    for (const link of links)
      if (!existsSync(join(dirname(file), link))) missing.push(`${relative(ROOT, file)}: ${link}`)
    for (const path of paths) if (!existsSync(join(ROOT, path))) missing.push(`${relative(ROOT, file)}: ${path}`)
    looked += links.length + paths.length
  }
  expect(looked).toBeGreaterThan(0)
  expect(missing).toEqual([])
})

test('the README in Chinese gives the same commands as the one in English', async () => {
  const commands = async (path: string): Promise<string[]> => {
    const text = await readFile(join(ROOT, path), 'utf8')
    const blocks = [...text.matchAll(/```(?:sh|js)\n(.*?)```/gs)].map(([, block]) => block!)
    return blocks.join('').split('\n').filter(isCommand)
  }
  expect(await commands('docs/zh-CN/README.md')).toEqual(await commands('README.md'))
})

/** Comments are translated, and stand on lines of their own. */
function isCommand(line: string): boolean {
  return !/^(#|\/\/)/.test(line)
}
