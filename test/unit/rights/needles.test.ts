import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { rawForms } from '../../../src/rights/scan/needles.ts'
import { searchPlan } from '../../../src/rights/scan/plan.ts'

const sha = (text: string): Buffer => createHash('sha256').update(text).digest()

describe('the forms of an identifier', () => {
  const forms = rawForms(' Ann.Marker@Mail.Example ', ['ann.marker@mail.example'])

  test('are as given, trimmed, normalised, in small letters, and as URLs, JSON and bytes write it', () => {
    for (const form of [
      ' Ann.Marker@Mail.Example ',
      'Ann.Marker@Mail.Example',
      'ann.marker@mail.example',
      'ann.marker%40mail.example',
      Buffer.from('ann.marker@mail.example').toString('hex'),
      Buffer.from('ann.marker@mail.example').toString('hex').toUpperCase(),
      Buffer.from('ann.marker@mail.example').toString('base64url'),
    ]) {
      expect(forms).toContain(form)
    }
    expect(rawForms('王"小\\明-marker', [])).toContain('王\\"小\\\\明-marker')
    expect(rawForms('王小明', [])).toContain('\\u738b\\u5c0f\\u660e')
  })

  test('are its bare hashes, for those are names too', () => {
    expect(forms).toContain(sha('ann.marker@mail.example').toString('hex'))
    expect(forms).toContain(sha('ann.marker@mail.example').toString('hex').toUpperCase())
    expect(forms).toContain(sha('Ann.Marker@Mail.Example').toString('base64url'))
    expect(forms).toContain(createHash('md5').update('ann.marker@mail.example').digest('hex'))
    expect(forms).toContain(createHash('sha1').update('ann.marker@mail.example').digest('hex'))
  })

  test('are found in base64 wherever in a text it stands', () => {
    for (const before of ['', 'x', 'xy', 'xyz']) {
      const text = Buffer.from(`${before}ann.marker@mail.example, and more`).toString('base64')
      expect(forms.some((form) => form.length > 20 && text.includes(form))).toBe(true)
    }
  })

  test('are digits alone where a number was written with signs between', () => {
    expect(rawForms('+86 138-0013 8000', ['+8613800138000'])).toContain('8613800138000')
  })
})

describe('how needles are looked for', () => {
  const plan = (...raw: string[]): ReturnType<typeof searchPlan> => searchPlan({ raw, keyed: [] })

  test('one that would be found everywhere only as a whole value: fewer than six characters, or a small number', () => {
    expect(plan('1').coarse).toEqual(['1'])
    expect(plan('12345678').coarse).toEqual(['12345678'])
    expect(plan('ann').coarse).toEqual(['ann'])
    expect(plan('1')).toMatchObject({ texts: [], words: [], bytes: [], numbers: [] })
  })

  test('a short one as a word, a long one as any part of a text, both as bytes, and a long number as a number too', () => {
    expect(plan('user-42').words).toEqual(['user-42'])
    expect(plan('a-long-user-name').texts).toEqual(['a-long-user-name'])
    expect(plan('13800138000')).toMatchObject({ words: ['13800138000'], numbers: ['13800138000'] })
    expect(plan('user-42').bytes).toEqual([Buffer.from('user-42')])
  })

  test('hashes, index values and ids as the bytes that they are, too', () => {
    const id = '01234567-89ab-4def-8123-456789abcdef'
    const found = searchPlan({ raw: [sha('x').toString('hex')], keyed: ['00112233445566778899aabbccddeeff', id] })
    expect(found.ids).toEqual([id])
    for (const bytes of [
      sha('x'),
      Buffer.from('00112233445566778899aabbccddeeff', 'hex'),
      Buffer.from(id.replaceAll('-', ''), 'hex'),
    ]) {
      expect(found.bytes).toContainEqual(bytes)
    }
  })
})
