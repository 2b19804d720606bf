import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findGlobals } from '../support/find-globals.ts'
import { cruiseImports, importRules } from '../support/import-rules.ts'

const ROOT = join(import.meta.dirname, '..', '..')

async function sourceFiles(): Promise<string[]> {
  const entries = await readdir(join(ROOT, 'src'), { recursive: true })
  return entries.filter((name) => /\.(tsx?|js)$/.test(name)).map((name) => `src/${name.replaceAll('\\', '/')}`)
}

describe('the source', () => {
  test('is imported as the rules allow, and every file of it was looked at', async () => {
    const { modules, summary } = await cruiseImports(ROOT)
    const seen = modules.filter(({ source }) => source.startsWith('src/'))
    // With a TypeScript that it does not know dependency-cruiser finds files without imports, and complains of nothing.
    expect(seen.map(({ source }) => source).toSorted()).toEqual((await sourceFiles()).toSorted())
    expect(seen.flatMap(({ dependencies }) => dependencies).length).toBeGreaterThan(seen.length * 2)
    expect(summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`)).toEqual([])
  })

  test('reads the environment in config.ts only, and writes to the console in the command line and main.ts only', async () => {
    const broken: string[] = []
    for (const file of await sourceFiles()) {
      const uses = new Set(findGlobals(await readFile(join(ROOT, file), 'utf8')))
      if (uses.has('environment') && !MAY_READ_ENVIRONMENT.test(file)) broken.push(`${file} reads the environment`)
      if (uses.has('console') && !MAY_WRITE.test(file)) broken.push(`${file} writes to the console`)
    }
    expect(broken).toEqual([])
  })
})

const MAY_READ_ENVIRONMENT = /^src\/(config\.ts|(sdk|console)\/)/
const MAY_WRITE = /^src\/(cli\/|main\.ts|(sdk|console)\/)/

describe('the search for globals', () => {
  test.each([
    ['const url = process.env.DATABASE_URL', ['environment']],
    ["const url = process['env'].DATABASE_URL", ['environment']],
    ['const { env } = process', ['environment']],
    ['const url = globalThis.process.env.DATABASE_URL', ['environment']],
    ["console.log('here')", ['console']],
    ['globalThis.console.log(1)', ['console']],
    ["process.stdout.write('here')", ['console']],
    ["log.info('process.env is not read here') // console.log", []],
    ['type Env = NodeJS.ProcessEnv; exit(process.pid)', []],
    ['function run(process: (n: number) => void) { process(1) }', []],
  ])('%s', (text, uses) => {
    expect(findGlobals(text)).toEqual(uses)
  })
})

/** For each rule a file that breaks it, by path and content. */
const BREAKS: Readonly<Record<string, readonly [path: string, content: string]>> = {
  'everything-resolves': ['src/totals/nowhere.ts', "import '../gone.ts'"],
  'no-cycles': ['src/pipeline/egg.ts', "import type { Hen } from './hen.ts'\nexport type Egg = Hen[]"],
  'event-imports-nothing': [
    'src/event/curious.ts',
    "import type { Neutral } from '../neutral.ts'\nexport type A = Neutral",
  ],
  'protect-imports-only-crypto': ['src/protect/chatty.ts', "import { neutral } from '../neutral.ts'\nneutral()"],
  'pure-stays-pure': ['src/consent/decide.ts', "import { readFileSync } from 'node:fs'\nreadFileSync('x')"],
  'express-only-in-http': ['src/pipeline/server.ts', "import express from 'express'\nexpress()"],
  'jose-only-at-tokens': ['src/http/tokens.ts', "import { jwtVerify } from 'jose'\nvoid jwtVerify"],
  'pg-only-in-db': ['src/pipeline/raw.ts', "import pg from 'pg'\nvoid pg"],
  'drizzle-only-at-queries': ['src/pipeline/query.ts', "import { eq } from 'drizzle-orm'\nvoid eq"],
  'database-only-at-queries': [
    'src/http/routes/direct.ts',
    "import type { Db } from '../../db/pool.ts'\nexport type D = Db",
  ],
  'tables-stay-home': ['src/pipeline/peeks.ts', "import { links } from '../identity/tables.ts'\nvoid links"],
  'modules-know-nobody': ['src/modules/one/who.ts', "import { look } from '../../keys/look.ts'\nlook()"],
  'modules-know-no-module': ['src/modules/one/join.ts', "import { other } from '../two/other.ts'\nother()"],
  'the-demo-is-a-client': ['src/demo/insider.ts', "import type { Db } from '../db/pool.ts'\nexport type D = Db"],
  'xxhash-only-to-balance': ['src/identity/quick.ts', "import { xxh32 } from '@node-rs/xxhash'\nvoid xxh32"],
  'sdk-and-console-take-types-of-events': [
    'src/sdk/all.ts',
    "import type { Neutral } from '../neutral.ts'\nexport type B = Neutral",
  ],
  'sdk-and-console-take-only-types': [
    'src/console/code.ts',
    "import { purposes } from '../event/purposes.ts'\nvoid purposes",
  ],
  'the-root-is-on-top': ['src/keys/upward.ts', "import { app } from '../app.ts'\nvoid app"],
  'src-runs-without-tests': ['src/keys/tested.ts', "import { helper } from '../../test/helper.ts'\nvoid helper"],
  'src-runs-without-dev-dependencies': ['src/keys/checked.ts', "import fc from 'fast-check'\nvoid fc"],
  'process-is-global': ['src/keys/hidden.ts', "import { env } from 'node:process'\nvoid env"],
}

/** What the files above import, and files of the same shape that break nothing. */
const INNOCENT: Readonly<Record<string, string>> = {
  'src/neutral.ts': 'export type Neutral = string\nexport function neutral(): void {}',
  'src/app.ts': "import { neutral } from './neutral.ts'\nexport const app = neutral",
  'src/db/pool.ts': "import pg from 'pg'\nexport type Db = pg.Pool",
  'src/event/purposes.ts': 'export const purposes = []',
  'src/pipeline/hen.ts': "import type { Egg } from './egg.ts'\nexport type Hen = Egg[]",
  'src/pipeline/intake.ts':
    "import { xxh32 } from '@node-rs/xxhash'\nimport type { Db } from '../db/pool.ts'\nvoid (xxh32 as unknown as Db)",
  'src/identity/tables.ts': 'export const links = {}',
  'src/identity/links.ts': "import { links } from './tables.ts'\nvoid links",
  'src/keys/look.ts': 'export function look(): void {}',
  'src/modules/two/other.ts': "import { more } from './more.ts'\nexport const other = more",
  'src/modules/two/more.ts': 'export function more(): void {}',
  'src/policy/load.ts': "import { readFileSync } from 'node:fs'\nvoid readFileSync",
  'src/protect/seal.ts': "import { createHmac } from 'node:crypto'\nvoid createHmac",
  'test/helper.ts': 'export const helper = 1',
}

describe('the import rules', () => {
  let violations: ReadonlyMap<string, ReadonlySet<string>>
  let folder: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weir-imports-'))
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
    await writeFile(join(folder, 'package.json'), await readFile(join(ROOT, 'package.json')))
    for (const [path, content] of [...Object.values(BREAKS), ...Object.entries(INNOCENT)]) {
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await writeFile(join(folder, path), content)
    }
    const { summary } = await cruiseImports(folder)
    const found = Map.groupBy(summary.violations, ({ from }) => from)
    violations = new Map([...found].map(([from, all]) => [from, new Set(all.map(({ rule }) => rule.name))]))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  test('have each a file here that breaks it', () => {
    expect(Object.keys(BREAKS).toSorted()).toEqual(importRules.map(({ name }) => name).toSorted())
  })

  test.each(importRules.map(({ name }) => name))('%s bites', (name) => {
    const [path] = BREAKS[name]!
    expect([...(violations.get(path) ?? [])]).toContain(name)
  })

  test('say nothing of files that break none', () => {
    const accused = Object.keys(INNOCENT).filter((path) => violations.has(path))
    expect(accused).toEqual([])
  })
})
