import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..', '..', '..')
/** What a request can reach; what only a start or a command can throw is no answer over HTTP. */
const FOLDERS = ['http', 'consent', 'identity', 'pipeline', 'totals', 'audit', 'officers']
/** What people do with their requests; what officers and other systems are told stands in their own pages. */
const OF_PEOPLE = [
  'create.ts',
  'asking.ts',
  'present-secret.ts',
  ...['prove', 'resend', 'mandate', 'session-token'].map((one) => `verify/${one}.ts`),
  ...['ask-code', 'desk', 'permits', 'prove-again', 'zip'].map((one) => `access/${one}.ts`),
]
const OF_COMMANDS = [
  'src/audit/export-folder.ts',
  'src/audit/leading.ts', // nobody who asks is told why the log is not signed
  'src/audit/witness-state.ts',
  'src/http/sources.ts',
  'src/http/tokens.ts',
  'src/officers/accounts.ts',
  'src/officers/service-keys.ts',
]

async function sources(): Promise<string[]> {
  const all = await Promise.all(
    FOLDERS.map(async (folder) =>
      (await readdir(join(ROOT, 'src', folder), { recursive: true })).map((name) => `src/${folder}/${name}`),
    ),
  )
  const own = ['src/keys/keyring.ts', ...OF_PEOPLE.map((name) => `src/rights/${name}`)]
  return [...all.flat(), ...own].filter((name) => name.endsWith('.ts') && !OF_COMMANDS.includes(name))
}

/** The code of each `new AppError(kind, message, { code })` and of each `problem(status, code, …)`. */
function codesIn(text: string): string[] {
  const codes: string[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isNewExpression(node) && node.expression.getText() === 'AppError') codes.push(codeOf(node.arguments ?? []))
    if (ts.isCallExpression(node) && node.expression.getText() === 'problem') codes.push(...literal(node.arguments[1]))
    node.forEachChild(visit)
  }
  ts.createSourceFile('file.ts', text, ts.ScriptTarget.ESNext, true).forEachChild(visit)
  return codes
}

function codeOf([kind, , options]: readonly ts.Expression[]): string {
  const properties = options !== undefined && ts.isObjectLiteralExpression(options) ? options.properties : []
  const code = properties.find((one) => ts.isPropertyAssignment(one) && one.name.getText() === 'code')
  return (literal(code !== undefined && ts.isPropertyAssignment(code) ? code.initializer : undefined)[0] ??
    literal(kind)[0])!
}

function literal(node: ts.Node | undefined): string[] {
  return node !== undefined && ts.isStringLiteral(node) ? [node.text] : []
}

test('every code that an answer can carry stands in docs/api.md, and no other', async () => {
  const thrown = new Set<string>()
  for (const file of await sources())
    for (const code of codesIn(await readFile(join(ROOT, file), 'utf8'))) thrown.add(code)
  const text = await readFile(join(ROOT, 'docs', 'api.md'), 'utf8')
  const rows = text.split('\n').filter((line) => /^\| \d{3} \|/.test(line))
  const documented = new Set(
    rows.flatMap((row) => [...row.split('|')[2]!.matchAll(/`([a-z0-9-]+)`/g)].map(([, code]) => code!)),
  )
  expect(thrown.size).toBeGreaterThan(30)
  expect([...documented].sort()).toEqual([...thrown].sort())
})
