import type { TestApp } from '../../support/test-app.ts'

/** What a browser without script does: keeps one cookie, follows nothing by itself, sends forms with the token of the page. */
export interface Browsing {
  get(path: string, headers?: Record<string, string>): Promise<Seen>
  /** With the csrf token of the page seen last, unless the fields say another. */
  post(path: string, fields?: Fields, headers?: Record<string, string>): Promise<Seen>
  /** post, then the page that it leads to. */
  submit(path: string, fields?: Fields): Promise<Seen>
  /** The cookie as it is now, and another in its place. */
  cookie: string | undefined
  csrf: string | undefined
}

export type Fields = Readonly<Record<string, string | readonly string[]>>

export interface Seen {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The text without markup. */
  readonly words: string
}

type Calling = Omit<RequestInit, 'headers'> & { readonly headers: Record<string, string> }

export function browse(weir: Pick<TestApp, 'url'>): Browsing {
  const own: Browsing = {
    cookie: undefined,
    csrf: undefined,
    get: (path, headers = {}) => call(path, { headers }),
    post(path, fields = {}, headers = {}) {
      const body = new URLSearchParams()
      const all: Fields = { ...(own.csrf === undefined ? {} : { csrf: own.csrf }), ...fields }
      for (const [name, value] of Object.entries(all)) for (const one of [value].flat()) body.append(name, one)
      return call(path, { method: 'POST', body, headers })
    },
    async submit(path, fields = {}) {
      const answer = await own.post(path, fields)
      const to = answer.headers.get('location')
      return answer.status === 303 && to !== null ? own.get(to.replace('/privacy', '')) : answer
    },
  }
  async function call(path: string, { headers, ...init }: Calling): Promise<Seen> {
    const all = { ...(own.cookie === undefined ? {} : { cookie: own.cookie }), ...headers }
    const response = await fetch(`${weir.url}/privacy${path}`, { ...init, headers: all, redirect: 'manual' })
    const [set] = response.headers.getSetCookie()
    if (set !== undefined) own.cookie = set.split(';')[0]
    const text = await response.text()
    own.csrf = /name="csrf" value="([^"]+)"/.exec(text)?.[1] ?? own.csrf
    return { status: response.status, headers: response.headers, text, words: wordsOf(text) }
  }
  return own
}

export function wordsOf(markup: string): string {
  return markup
    .replaceAll(/<(style|script|head)[\s\S]*?<\/\1>/g, ' ')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replaceAll(/\s+/g, ' ')
    .trim()
}
