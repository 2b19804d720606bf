import { expect, test } from 'vitest'
import { openScreen, type Tell } from '../../../src/demo/screen.ts'
import { displayWidth } from '../../../src/demo/table.ts'
import { WORDS } from '../../../src/demo/words.ts'

const NAME = 'send'

async function shown(
  terminal: boolean,
  work: (tell: Tell) => Promise<unknown>,
  columns = 80,
  name = NAME,
): Promise<string> {
  let text = ''
  const write = (part: string): void => {
    text += part
  }
  await openScreen(write, { terminal, colon: ': ', columns: () => columns })
    .step(name, work)
    .catch(() => undefined)
  return text
}

const inFortieths = async ({ progress, detail }: Tell): Promise<void> => {
  for (let done = 1; done <= 40; done++) progress(done, 40)
  detail('40 events')
}

test('without a terminal a step says each tenth once, then itself with its time', async () => {
  const lines = (await shown(false, inFortieths)).split('\n')
  expect(lines.slice(0, 10)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((tenth) => `         send: ${tenth}0 %`))
  expect(lines.slice(10)).toEqual([expect.stringMatching(/^ +\d+\.\d s {2}send: 40 events$/), ''])
})

test('on a terminal one line is written over, and ends as the same line', async () => {
  const text = await shown(true, inFortieths)
  expect(text.match(/\n/g)).toHaveLength(1)
  expect(text).toContain('░')
  expect(text.split('\r\u001b[K').at(-1)).toMatch(/^ +\d+\.\d s {2}send: 40 events\n$/)
})

test('a step that fails leaves its line as it is', async () => {
  const failing = (): Promise<never> => Promise.reject(new Error('gone'))
  expect(await shown(true, failing)).toBe('         send …\n')
  expect(await shown(false, failing)).toBe('')
})

test('a line that is written over never fills the terminal, whatever its width and the language', async () => {
  for (const columns of [20, 40, 60, 80, 120]) {
    for (const { steps } of Object.values(WORDS)) {
      for (const name of Object.values(steps)) {
        const text = await shown(true, inFortieths, columns, name)
        const over = text.split('\r\u001b[K').slice(0, -1)
        expect(over).toHaveLength(41)
        for (const line of over) expect(displayWidth(line)).toBeLessThan(columns)
        expect(over.at(-1)).toMatch(/ 100 %$/)
      }
    }
  }
})

test('a bar takes what room there is, and gives way to its percentage where that is too little', async () => {
  const lastOf = async (columns: number): Promise<string> => {
    return (await shown(true, inFortieths, columns)).split('\r\u001b[K').at(-2)!
  }
  expect(await lastOf(80)).toBe(`         send  ${'█'.repeat(24)} 100 %`)
  expect(await lastOf(32)).toBe(`         send  ${'█'.repeat(10)} 100 %`)
  expect(await lastOf(24)).toBe('         send  100 %')
})

test('on a terminal what a step says at its end goes on below its name', async () => {
  const work = async ({ detail }: Tell): Promise<void> => detail('many words in a row that do not fit')
  const last = (await shown(true, work, 40)).split('\r\u001b[K').at(-1)!
  expect(last).toMatch(/^ +\d+\.\d s {2}send: many words in a row that\n {9}do not fit\n$/)
})

test.each([true, false])('what a step tells after it failed is not shown (terminal: %s)', async (terminal) => {
  const late: Tell[] = []
  const failing = (tell: Tell): Promise<never> => {
    late.push(tell)
    return Promise.reject(new Error('gone'))
  }
  let text = ''
  const write = (part: string): void => {
    text += part
  }
  const screen = openScreen(write, { terminal, colon: ': ', columns: () => 80 })
  await expect(screen.step(NAME, failing)).rejects.toThrow('gone')
  const before = text
  late[0]!.progress(1, 2)
  expect(text).toBe(before)
})
