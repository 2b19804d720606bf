import type { Language } from '../request.ts'

/** One SMS. China's carriers take approved templates only: providers there send the code, or their template of notices. */
export interface Sms {
  /** Unique for the message, and the same when it is sent again. */
  readonly id: string
  /** E.164. */
  readonly to: string
  readonly language: Language
  /** What it says, where a provider takes free text. */
  readonly text: string
  /** What goes into the template of codes; absent for a notice. */
  readonly code?: string
}

export interface SmsProvider {
  /** Resolves when the provider has taken it. Throws SmsRefused. */
  send(sms: Sms): Promise<void>
}

/** The provider did not take a message. Says a code only: what providers answer quotes numbers. */
export class SmsRefused extends Error {
  constructor(code: string) {
    super(`the SMS provider did not take a message (${/^[\w.-]{1,64}$/.test(code) ? code : 'no code'})`)
    this.name = 'SmsRefused'
  }
}

const PATIENCE_MS = 10_000
const MAX_ANSWER = 65_536

/** Posts, follows nothing, reads little. What cannot be read is no answer. */
export async function post(
  url: string,
  { headers, body }: { readonly headers: Readonly<Record<string, string>>; readonly body: string },
): Promise<{ readonly status: number; readonly json: unknown }> {
  const response = await fetch(url, {
    method: 'POST',
    headers,
    body,
    redirect: 'error',
    signal: AbortSignal.timeout(PATIENCE_MS),
  }).catch(() => {
    throw new SmsRefused('unreachable')
  })
  const text = await readSome(response)
  return { status: response.status, json: parsed(text) }
}

async function readSome(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > MAX_ANSWER) throw new SmsRefused('answer-too-long')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A member of an answer, as text; undefined where it is not there. */
export function member(json: unknown, ...path: readonly (string | number)[]): string | undefined {
  let value = json
  for (const step of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = Reflect.get(value, step)
  }
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
}
