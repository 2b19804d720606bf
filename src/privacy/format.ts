import type { Language } from '../rights/request.ts'

/** How times and numbers are written for somebody. */
export interface Locale {
  readonly language: Language
  /** Minutes east of UTC. */
  readonly offset: number
}

/** Offsets that people can choose: every one that is in use, in minutes east of UTC. */
export const OFFSETS: readonly number[] = [
  -720, -660, -600, -570, -540, -480, -420, -360, -300, -240, -210, -180, -120, -60, 0, 60, 120, 180, 210, 240, 270,
  300, 330, 345, 360, 390, 420, 480, 525, 540, 570, 600, 630, 660, 720, 765, 780, 840,
]

/** China's time for who reads Chinese, UTC for the others: a page without script is not told where it is read. */
export function usualOffset(language: Language): number {
  return language === 'zh-CN' ? 480 : 0
}

/** `UTC+08:00 (China)`: where the offset is one country's own, or ours by default, it is said which. */
export function offsetName(offset: number, language: Language): string {
  const place = PLACES[offset]?.[language]
  const name = `UTC${offset < 0 ? '−' : '+'}${clock(offset)}`
  if (place === undefined) return name
  return language === 'zh-CN' ? `${name}（${place}）` : `${name} (${place})`
}

const PLACES: Readonly<Record<number, Readonly<Record<Language, string>>>> = {
  0: { 'zh-CN': '世界协调时', en: 'universal time' },
  480: { 'zh-CN': '中国', en: 'China' },
}

function clock(offset: number): string {
  const minutes = Math.abs(offset)
  const two = (n: number): string => String(n).padStart(2, '0')
  return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}

/** `en` alone would write dates as the United States do. */
function tagOf(language: Language): string {
  return language === 'en' ? 'en-GB' : language
}

/** Day, hour and minute of a time in milliseconds since 1970 or ISO 8601. */
export function moment(at: number | string, { language, offset }: Locale): string {
  const timeZone = `${offset < 0 ? '-' : '+'}${clock(offset)}`
  return new Intl.DateTimeFormat(tagOf(language), {
    dateStyle: 'long',
    timeStyle: 'short',
    hourCycle: 'h23',
    timeZone,
  }).format(new Date(at))
}

/** The day of a time. */
export function dayOf(at: number | string, { language, offset }: Locale): string {
  const timeZone = `${offset < 0 ? '-' : '+'}${clock(offset)}`
  return new Intl.DateTimeFormat(tagOf(language), { dateStyle: 'long', timeZone }).format(new Date(at))
}

/** A day that is one everywhere, `YYYY-MM-DD`. */
export function day(date: string, { language }: Pick<Locale, 'language'>): string {
  return new Intl.DateTimeFormat(tagOf(language), { dateStyle: 'long', timeZone: 'UTC' }).format(
    new Date(`${date}T00:00:00Z`),
  )
}

export function number(n: number | bigint, { language }: Pick<Locale, 'language'>): string {
  return new Intl.NumberFormat(language).format(n)
}
