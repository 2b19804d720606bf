import { readFile } from 'node:fs/promises'
import { stripTypeScriptTypes } from 'node:module'

/** Where the verifier begins that stands alone, and where an import of it lies. */
const MAIN = new URL('../cli/audit-standalone.ts', import.meta.url)
const IMPORT = /(from ')(\.\.?\/[a-z/-]+\.ts)(')/g

const VERIFY = `// Checks this folder with nothing but Node 20 or later. README.txt says how.
import { fileURLToPath } from 'node:url'
import { main } from './verifier/audit-standalone.mjs'

process.exitCode = await main(process.argv.slice(2), fileURLToPath(new URL('.', import.meta.url)))
`

/** The stand-alone verifier: plain JavaScript made of the modules that check the log here, by path in the folder. */
export async function verifierFiles(): Promise<ReadonlyMap<string, string>> {
  const files = new Map([['verify.mjs', VERIFY]])
  const waiting = [MAIN]
  for (let url = waiting.shift(); url !== undefined; url = waiting.shift()) {
    const path = pathOf(url)
    if (files.has(path)) continue
    const code = withoutTypes(await readFile(url, 'utf8'))
    for (const [, , specifier] of code.matchAll(IMPORT)) waiting.push(new URL(specifier!, url))
    files.set(
      path,
      code.replace(IMPORT, (_, before, specifier, after) => `${before}./${nameOf(specifier)}${after}`),
    )
  }
  return files
}

function pathOf({ pathname }: URL): string {
  return `verifier/${nameOf(pathname)}`
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).replace(/\.ts$/, '.mjs')
}

/** Types are blanked out; what that leaves of spaces and empty lines is taken away. */
function withoutTypes(source: string): string {
  return quietly(() => stripTypeScriptTypes(source))
    .replace(/[ \t]+$/gm, '')
    .replace(/\n{3,}/g, '\n\n')
}

/** Node calls the function experimental, once, on stderr: nothing that who exports a log needs to read. */
function quietly<T>(call: () => T): T {
  // oxlint-disable-next-line typescript/unbound-method -- it is put back, never called from here
  const warn = process.emitWarning
  process.emitWarning = () => undefined
  try {
    return call()
  } finally {
    process.emitWarning = warn
  }
}
