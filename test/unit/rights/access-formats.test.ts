import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cellOf } from '../../../src/rights/access/csv.ts'
import type { ExportFile } from '../../../src/rights/access/files.ts'
import { readmeOf } from '../../../src/rights/access/readme.ts'
import { redact } from '../../../src/rights/access/redact.ts'
import { PUBLISHED } from '../../../src/rights/access/schema.ts'
import { encryptedZip, requirePassphrase } from '../../../src/rights/access/zip.ts'
import { openZip } from '../../support/open-zip.ts'

const PASSPHRASE = 'correct horse battery staple'
const seed = Number(process.env.WEIR_TEST_SEED ?? randomBytes(4).readUInt32LE())

function textFile(name: string, ...pieces: string[]): ExportFile {
  return {
    name,
    async *content() {
      yield* pieces
    },
  }
}

async function zipOf(...files: ExportFile[]): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of encryptedZip(files, PASSPHRASE)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

test('the file that explains an export is titled by what the export is', () => {
  expect(readmeOf('en', 'access')).toMatch(/^What we hold about you\n={22}\n/)
  expect(readmeOf('en', 'portability')).toMatch(/^What you provided\n={17}\n/)
  expect(readmeOf('zh-CN', 'portability')).toMatch(/^您提供给我们的信息\n/)
})

describe('the archive', () => {
  const long = 'a person’s data 个人信息\n'.repeat(20_000)

  test('opens with the passphrase by the documents of the format: AE-2, AES-256, every entry', async () => {
    const zip = await zipOf(textFile('a.txt', 'one', ' two'), textFile('csv/b.csv', long), textFile('empty.txt'))
    const files = openZip(zip, PASSPHRASE)
    expect([...files.keys()]).toEqual(['a.txt', 'csv/b.csv', 'empty.txt'])
    expect(files.get('a.txt')?.toString()).toBe('one two')
    expect(files.get('csv/b.csv')?.toString()).toBe(long)
    expect(zip.includes('个人信息')).toBe(false)
    expect(zip.length).toBeLessThan(Buffer.byteLength(long))
  })

  test('does not open with another passphrase, or where a byte of it was changed', async () => {
    const zip = await zipOf(textFile('a.txt', long))
    expect(() => openZip(zip, `${PASSPHRASE}!`)).toThrow('the passphrase is wrong')
    zip[200]! ^= 1
    expect(() => openZip(zip, PASSPHRASE)).toThrow()
  })

  test('opens in 7-Zip', async (context) => {
    const run = promisify(execFile)
    const command = await run('7z', ['i']).then(
      () => '7z',
      () =>
        run('7zz', ['i']).then(
          () => '7zz',
          () => undefined,
        ),
    )
    if (command === undefined) {
      console.warn('SKIPPED: 7-Zip is not on this machine; the archive was opened by the documents of the format alone')
      return context.skip()
    }
    const folder = await mkdtemp(join(tmpdir(), 'weir-zip-'))
    try {
      await writeFile(join(folder, 'a.zip'), await zipOf(textFile('a.txt', long)))
      await run(command, ['x', `-p${PASSPHRASE}`, `-o${folder}`, join(folder, 'a.zip')])
      expect(await readFile(join(folder, 'a.txt'), 'utf8')).toBe(long)
      await expect(run(command, ['t', '-pwrong passphrase', join(folder, 'a.zip')])).rejects.toThrow()
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test('is composed as it is read, and stops where nobody reads on', async () => {
    let composed = 0
    let ended = false
    const endless: ExportFile = {
      name: 'endless.txt',
      async *content() {
        try {
          for (;;) {
            composed += 1
            yield randomBytes(50_000).toString('hex')
          }
        } finally {
          ended = true
        }
      },
    }
    const chunks = encryptedZip([endless], PASSPHRASE)
    for (let i = 0; i < 5; i++) await chunks.next()
    const before = composed
    expect(before).toBeLessThan(60)
    await chunks.return(undefined)
    await expect.poll(() => ended).toBe(true)
    expect(composed).toBeLessThan(before + 20)
  })

  test('tells who reads it where a part cannot be composed', async () => {
    const broken: ExportFile = {
      name: 'broken.txt',
      async *content() {
        yield 'a part'
        throw new Error('the database is away')
      },
    }
    await expect(zipOf(textFile('a.txt', 'fine'), broken)).rejects.toThrow('the database is away')
  })

  test.for(['short', '           x', 'elf Zeichen', 'passwörter-passwörter', 'tab\tin-the-middle', 'x'.repeat(129)])(
    'a passphrase is refused that is too short or that programs write differently: %j',
    (passphrase) => expect(() => requirePassphrase(passphrase)).toThrow('passphrase'),
  )
})

describe('a cell', () => {
  test.for(['=1+1', '+1', '-1+1', '@SUM(A1)', '\t=1', '\r=1', ' =1', '\u200b=cmd()', '＝1', '\n=1'])(
    'that could be a formula is text: %j',
    (text) => {
      const cell = cellOf(text)
      expect(cell.replace(/^"/, '').startsWith("'")).toBe(true)
    },
  )

  test('is read back as it was, apostrophe and all (RFC 4180)', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 5 }), (texts) => {
        const line = texts.map(cellOf).join(',')
        const back = parseLine(line)
        expect(back.map((one, i) => (one === `'${texts[i]}` ? texts[i] : one))).toEqual(texts)
        for (const one of back) expect(one).not.toMatch(/^[=+\-@\t\r]/)
      }),
      { seed },
    )
  })

  test('of a number is the number', () => expect(cellOf(-5.5)).toBe('-5.5'))
})

/** One record of RFC 4180. */
function parseLine(line: string): string[] {
  const cells: string[] = []
  for (let at = 0; at <= line.length; at++) {
    if (line[at] === '"') {
      let text = ''
      for (at += 1; line[at] !== '"' || line[at + 1] === '"'; at++) {
        if (line[at] === '"') at++
        text += line[at]
      }
      at++
      cells.push(text)
    } else {
      const end = line.indexOf(',', at)
      cells.push(line.slice(at, end < 0 ? undefined : end))
      at = end < 0 ? line.length : end
    }
  }
  return cells
}

describe('what is kept and not shown', () => {
  test.for([
    [{ properties: { recipient: 'friend@example.org' } }, ['properties.recipient: somebody-elses']],
    [
      { traits: { password: 'x', apiKey: 'y', sessionId: 'z' } },
      ['traits.password: credential', 'traits.apiKey: credential', 'traits.sessionId: credential'],
    ],
    [{ a: [{ note: 'pay with 4111 1111 1111 1111' }] }, ['a[].note: payment-card']],
    [{ traits: { id_number: '11010519491231002X' } }, ['traits.id_number: government-id']],
  ] as const)('%j', ([fields, withheld]) => {
    const redacted = redact(fields as never)
    expect(redacted.withheld).toEqual(withheld)
    expect(JSON.stringify(redacted.fields)).toContain('withheld]')
  })

  test.for([
    { properties: { order_id: '4111111111111111', sku: '6901234567892', total: 99 } },
    { properties: { product_id: 'tea', at: '2026-11-20T12:00:00Z', stamp: 20261120120000000 } },
    { traits: { firstName: 'Wen', has_password: false } },
    { properties: { share_message: 'look at this', share_via: 'mail' } },
  ])('all of this is the person’s own: %j', (fields) => {
    expect(redact(fields as never)).toEqual({ fields, withheld: [] })
  })
})

test('the published schemas are JSON Schema 2020-12, each under its version', () => {
  expect(PUBLISHED['access-1.json']).toMatchObject({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'urn:weir:schema:weir-access-1',
    additionalProperties: false,
  })
  expect(PUBLISHED['portability-1.json'].$id).toBe('urn:weir:schema:weir-portability-1')
})
