import { join } from 'node:path'
import { rolldown } from 'rolldown'

const PAGES = join(import.meta.dirname, 'pages')
const ENTRY = '\0entry'

/** What stands for the reader's own in the pages and in docs/clients.md. */
export interface Own {
  readonly weir: string
  readonly writeKey: string
}

const built = new Map<string, Promise<string>>()

/**
 * The script of a page as a shop's build makes it, in one file: its exports, and those of `beside`, stand in the
 * page as `shop`. The packages come from npm as they are; the pages' placeholders become the test's own.
 */
export async function bundle(page: string, beside: readonly string[], own: Own): Promise<string> {
  const names = [page, ...beside]
  const key = names.join('+')
  const building = built.get(key) ?? build(names)
  built.set(key, building) // one build serves every file of a worker
  return (await building).replaceAll('https://weir.example', own.weir).replaceAll('YOUR_WRITE_KEY', own.writeKey)
}

async function build(names: readonly string[]): Promise<string> {
  const modules = names.map((name) => `export * from ${JSON.stringify(join(PAGES, `${name}.js`))}`)
  const entry = {
    name: 'entry',
    resolveId: (id: string) => (id === ENTRY ? id : null),
    load: (id: string) => (id === ENTRY ? modules.join('\n') : null),
  }
  const bundler = await rolldown({
    input: ENTRY,
    platform: 'browser',
    transform: { define: { 'process.env.NODE_ENV': '"production"' } },
    plugins: [entry],
    onLog: () => undefined, // the packages' own style is not ours to judge
  })
  const { output } = await bundler.generate({ format: 'iife', name: 'shop', codeSplitting: false })
  await bundler.close()
  return output[0].code
}
