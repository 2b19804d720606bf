import type { Language, Right } from '../request.ts'
import type { AccessSource } from './collect.ts'
import { accessCsv, portabilityCsv } from './csv.ts'
import { accessJson, type Pieces, portabilityJson } from './json.ts'
import { accessPage } from './page.ts'
import { readmeOf } from './readme.ts'
import { PUBLISHED } from './schema.ts'

export const FORMATS = ['all', 'json', 'csv', 'page'] as const
export type Format = (typeof FORMATS)[number]

/** A file of an export: composed when it is read, and not before. */
export interface ExportFile {
  readonly name: string
  readonly content: () => Pieces
}

export interface Wanted {
  readonly right: Extract<Right, 'access' | 'portability'>
  readonly format: Format
  readonly language: Language
}

/** The files of an export. Portability has no page: it is for another service to read. */
export function exportFiles(source: AccessSource, { right, format, language }: Wanted): ExportFile[] {
  const isPortability = right === 'portability'
  const json = isPortability
    ? [{ name: 'data.json', content: () => portabilityJson(source) }, schemaFile('portability-1.json')]
    : [{ name: 'access.json', content: () => accessJson(source) }, schemaFile('access-1.json')]
  const csv = isPortability ? portabilityCsv(source) : accessCsv(source)
  const page = isPortability ? [] : [{ name: 'access.html', content: () => accessPage(source, language) }]
  const has = (one: Format): boolean => format === 'all' || format === one
  return [
    textFile('README.zh-CN.txt', () => readmeOf('zh-CN', right)),
    textFile('README.txt', () => readmeOf('en', right)),
    ...(has('page') ? page : []),
    ...(has('json') || (isPortability && format === 'page') ? json : []),
    ...(has('csv') ? csv : []),
  ]
}

function schemaFile(name: keyof typeof PUBLISHED): ExportFile {
  return textFile(name.replace('.json', '.schema.json'), () => `${JSON.stringify(PUBLISHED[name], null, 2)}\n`)
}

function textFile(name: string, text: () => string): ExportFile {
  return {
    name,
    async *content() {
      yield text()
    },
  }
}
