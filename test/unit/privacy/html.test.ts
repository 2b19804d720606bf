import fc from 'fast-check'
import { expect, test } from 'vitest'
import { html } from '../../../src/privacy/html.ts'

test('whatever text stands in a template, no markup comes of it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const { markup } = html`<p title="${text}">${text}</p>`
      expect(markup.match(/<[^>]*>/g)).toEqual([expect.stringMatching(/^<p title="[^"<>]*">$/s), '</p>'])
      const shown = markup
        .slice(markup.indexOf('>') + 1, -4)
        .replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
      expect(shown).toBe(text)
    }),
  )
})

test('markup that was made here stays as it is, and what does not hold leaves nothing', () => {
  const items = ['a', '<b>'].map((one) => html`<li>${one}</li>`)
  expect(html`<ul${false}>${items}${undefined}${null}${1}${2n}</ul>`.markup).toBe(
    '<ul><li>a</li><li>&#60;b&#62;</li>12</ul>',
  )
})
