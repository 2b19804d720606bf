import { expect, test } from 'vitest'
import { openScreen, type Tell } from '../../../src/demo/screen.ts'

async function shown(terminal: boolean, work: (tell: Tell) => Promise<unknown>): Promise<string> {
  let text = ''
  const write = (part: string): void => {
    text += part
  }
  await openScreen(write, { terminal, colon: ': ' })
    .step('send', work)
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
