import { join } from 'node:path'
import { rolldown } from 'rolldown'

const PAGES = join(import.meta.dirname, 'pages')
const ENTRY = '\0entry'

/** What stands for the reader's own in the pages and in docs/clients.md. */
export interface Own {
  readonly weir: string
  readonly writeKey: string
}

/**
 * The script of a page as a shop's build makes it, in one file: its exports, and those of `beside`, stand in the
 * page as `shop`. The packages come from npm as they are; in the pages the placeholders become the test's own.
 */
export async function bundle(page: string, beside: readonly string[], own: Own): Promise<string> {
  const modules = [page, ...beside].map((name) => `export * from ${JSON.stringify(join(PAGES, `${name}.js`))}`)
  const build = await rolldown({
    input: ENTRY,
    platform: 'browser',
    transform: { define: { 'process.env.NODE_ENV': '"production"' } },
    plugins: [
      {
        name: 'pages',
        resolveId: (id) => (id === ENTRY ? id : null),
        load: (id) => (id === ENTRY ? modules.join('\n') : null),
        transform: (code, id) =>
          id.startsWith(PAGES)
            ? code.replaceAll('https://weir.example', own.weir).replaceAll('YOUR_WRITE_KEY', own.writeKey)
            : null,
      },
    ],
    onLog: () => undefined, // the packages' own style is not ours to judge
  })
  const { output } = await build.generate({ format: 'iife', name: 'shop', codeSplitting: false })
  await build.close()
  return output[0].code
}
