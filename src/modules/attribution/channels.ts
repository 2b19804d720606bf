import { problemLine, problemsOf } from '../../policy/read.ts'
import { type Problem, readYaml, short, type YamlTree } from '../../policy/yaml.ts'
import { ChannelsDocument } from './channels-document.ts'
import type { KnownAs, Way } from './facts.ts'

/** The rules of channels.yaml, ready to be asked. Asking is a pure function of the file and the way. */
export interface Channels {
  /** The channel of a way; undefined where it is none: a referrer that brings nobody, and no campaign tag. */
  of(way: Way): string | undefined
  /** The host that the file names for this one: itself, or the nearest above it. */
  readonly knownAs: KnownAs
}

/** What no rule takes. */
export const UNASSIGNED = 'Unassigned'
/** What a conversion is credited to that no touch came before. */
export const DIRECT = 'Direct'

export type ChannelsResult = { readonly channels: Channels } | { readonly lines: readonly string[] }

/** Reads a text of rules. Pure; `lines` says what is wrong, where in `file`, and what to write instead. */
export function readChannels(text: string, file: string): ChannelsResult {
  const yaml = readYaml(text)
  if ('problems' in yaml) return { lines: yaml.problems.map((problem) => problemLine(file, problem)) }
  const parsed = ChannelsDocument.safeParse(yaml.tree.value)
  const problems = parsed.success
    ? referencesOf(parsed.data, yaml.tree)
    : parsed.error.issues.slice(0, 100).flatMap((issue) => problemsOf(issue, yaml.tree, 'the file'))
  if (!parsed.success || problems.length > 0) return { lines: problems.map((problem) => problemLine(file, problem)) }
  return { channels: compile(parsed.data) }
}

/** What the shape cannot say: rules name categories and media that are there; a name is of one category. */
function referencesOf(document: ChannelsDocument, tree: YamlTree): Problem[] {
  const problems: Problem[] = []
  const seen = new Set<string>()
  for (const [category, { names = [], hosts = [] }] of Object.entries(document.categories)) {
    for (const [part, list] of Object.entries({ names, hosts })) {
      for (const [i, name] of list.entries()) {
        if (seen.has(name)) {
          const place = tree.at(['categories', category, part, i])
          problems.push({
            ...place,
            what: `\`${short(name)}\` stands twice in the categories`,
            fix: 'keep one of the two',
          })
        }
        seen.add(name)
      }
    }
  }
  for (const [i, { when }] of document.rules.entries()) {
    for (const [j, condition] of when.entries()) {
      for (const [part, known] of [
        ['category', document.categories],
        ['media', document.media ?? {}],
      ] as const) {
        const name = condition[part]
        if (name === undefined || Object.hasOwn(known, name)) continue
        const place = tree.at(['rules', i, 'when', j, part])
        const fix = `write one of ${Object.keys(known).join(', ')}`
        problems.push({ ...place, what: `there is no ${part} \`${short(name)}\``, fix })
      }
    }
  }
  return problems
}

interface Asked extends Way {
  readonly category: string | undefined
}
type Test = (asked: Asked) => boolean

function compile(document: ChannelsDocument): Channels {
  const categoryOf = categories(document)
  const ignored = new Map((document.ignore_referrers ?? []).map((host) => [host, true]))
  const rules = document.rules.map(({ channel, when }) => ({
    channel,
    fits: anyOf(when.map((condition) => testOf(condition, document.media ?? {}))),
  }))
  const named = Object.values(document.categories).flatMap(({ hosts = [] }) => hosts)
  const hosts = new Map([...named, ...ignored.keys()].map((host) => [host, true]))
  return {
    knownAs: (host) => placeOf(hosts, host)?.host,
    of(way) {
      const tagged = [way.source, way.medium, way.campaign, way.creative, way.tag].some((tag) => tag !== '')
      const referrer = byHost(ignored, way.referrer) === undefined ? way.referrer : ''
      if (!tagged && referrer === '') return undefined
      const campaign = way.campaign.toLowerCase()
      const asked = { ...way, campaign, referrer, category: categoryOf(way.source, referrer) }
      return rules.find(({ fits }) => fits(asked))?.channel ?? UNASSIGNED
    },
  }
}

function testOf(condition: ChannelsDocument['rules'][number]['when'][number], media: Record<string, string[]>): Test {
  const tests: Test[] = []
  const { category, media: group, source, medium, campaign, untagged } = condition
  if (category !== undefined) tests.push((asked) => asked.category === category)
  if (group !== undefined) tests.push(globs(media[group] ?? [], 'medium'))
  if (source !== undefined) tests.push(globs(source, 'source'))
  if (medium !== undefined) tests.push(globs(medium, 'medium'))
  if (campaign !== undefined) tests.push(globs(campaign, 'campaign'))
  if (untagged === true) tests.push((asked) => asked.source === '' && asked.medium === '' && asked.referrer !== '')
  return (asked) => tests.every((test) => test(asked))
}

function anyOf(tests: readonly Test[]): Test {
  return (asked) => tests.some((test) => test(asked))
}

function globs(patterns: readonly string[], part: 'source' | 'medium' | 'campaign'): Test {
  const exact = new Set(patterns.filter((pattern) => !pattern.includes('*')))
  const split = patterns.filter((pattern) => pattern.includes('*')).map((pattern) => pattern.split('*'))
  return (asked) => exact.has(asked[part]) || split.some((pieces) => matches(asked[part], pieces))
}

/** Whether the text is the pieces in their order with anything between them; an empty text is nothing at all. */
function matches(text: string, pieces: readonly string[]): boolean {
  const first = pieces[0]!
  const last = pieces.at(-1)!
  if (text === '' || text.length < first.length + last.length) return false
  if (!text.startsWith(first) || !text.endsWith(last)) return false
  let at = first.length
  for (const piece of pieces.slice(1, -1)) {
    const found = text.indexOf(piece, at)
    if (found < 0) return false
    at = found + piece.length
  }
  return at <= text.length - last.length
}

/** A source by its name, or as a host; where there is none, the referrer. */
function categories(document: ChannelsDocument): (source: string, referrer: string) => string | undefined {
  const named = new Map<string, string>()
  const hosted = new Map<string, string>()
  for (const [category, { names = [], hosts = [] }] of Object.entries(document.categories)) {
    for (const name of names) named.set(name, category)
    for (const host of hosts) hosted.set(host, category)
  }
  return (source, referrer) =>
    source === '' ? byHost(hosted, referrer) : (named.get(source) ?? byHost(hosted, source))
}

/** What stands for the host or for the nearest one above it; `google.*` stands for google.de and google.co.uk. */
function byHost<T>(known: ReadonlyMap<string, T>, host: string): T | undefined {
  return placeOf(known, host)?.found
}

function placeOf<T>(known: ReadonlyMap<string, T>, host: string): { found: T; host: string } | undefined {
  const labels = host.split('.')
  for (let i = 0; i < labels.length - 1; i++) {
    const rest = labels.length - i - 1
    const country = rest <= 2 ? known.get(`${labels[i]}.*`) : undefined
    const found = known.get(labels.slice(i).join('.')) ?? country
    if (found !== undefined) return { found, host: labels.slice(i).join('.') }
  }
  return undefined
}
