import { hash } from 'node:crypto'
import { z } from 'zod'
import { answersOf } from './routes/answers.ts'
import type { Route } from './routes/route.ts'

const style = `
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}
h2{margin:2rem 0 .25rem;font-size:1.05rem;font-family:ui-monospace,monospace}
p{margin:.25rem 0}table{border-collapse:collapse;margin:.5rem 0}td,th{text-align:left;padding:.15rem 1rem .15rem 0;vertical-align:top}
td,h2{overflow-wrap:anywhere}pre{overflow-x:auto;margin:.25rem 0;font-size:.85rem}
.who{color:#57606a}nav{columns:2;font-family:ui-monospace,monospace;font-size:.9rem}nav a{display:block;overflow-wrap:anywhere}
@media (max-width:600px){nav{columns:1}}
@media (prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}.who{color:#9198a1}a{color:#58a6ff}}
`

/** The page may load nothing at all but the style that it carries. */
export const docsPolicy = [
  "default-src 'none'",
  `style-src 'sha256-${hash('sha256', style, 'base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** The table of routes as one plain page, without script and without a request to anybody. */
export function docsHtml(routes: readonly Route[], publicUrl: string): string {
  const events = routes.filter((route) => route.access.who === 'ingest')
  const others = routes.filter((route) => route.access.who !== 'ingest')
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Weir: the API</title><style>${style}</style></head><body>
<h1>Weir: the API</h1>
<p>At ${escapeHtml(publicUrl)}. Errors are problem+json with a stable <code>code</code>. As OpenAPI 3.1: <a href="openapi.json">openapi.json</a>.</p>
<nav><a href="#events">Sending events</a>${others.map((route) => `<a href="#${idOf(route)}">${nameOf(route)}</a>`).join('')}</nav>
${eventSection(events)}
${others.map(section).join('\n')}
</body></html>`
}

const BATCH =
  '{"batch":[{"type":"track","messageId":"m-1","userId":"u-1","event":"Product Viewed","properties":{"product_id":"tea"}}]}'

/** The routes of the wire protocol differ in what they take and in nothing else. */
function eventSection(events: readonly Route[]): string {
  const takes = events.map((route) => row([`${route.method.toUpperCase()} ${route.path}`, route.summary]))
  const [first] = events
  return `<section><h2 id="events">Sending events</h2>
<p>Segment's wire protocol, and RudderStack's. <span class="who">For a write key.</span></p>
<pre><code>${escapeHtml(BATCH)}</code></pre>
<table>${takes.join('')}</table>
<table>${(first === undefined ? [] : answers(first)).map((one) => row(one)).join('')}</table></section>`
}

function nameOf({ method, path }: Route): string {
  return escapeHtml(`${method.toUpperCase()} ${path}`)
}

function section(route: Route): string {
  return `<section><h2 id="${idOf(route)}">${nameOf(route)}</h2>
<p>${textHtml(route.summary)}. <span class="who">${escapeHtml(who(route))}</span></p>
${route.description === undefined ? '' : `<p>${textHtml(route.description)}</p>`}
<table>${[...inputs(route), ...answers(route)].map((one) => row(one)).join('')}</table>${example(route)}</section>`
}

function who({ access }: Route): string {
  if (access.who === 'anyone') return 'For anyone.'
  if (access.who === 'asker') return 'For anyone; with a write key where a shop asks.'
  if (access.who === 'officer') return 'For any officer who is signed in.'
  if (access.who === 'role') {
    const by = access.stepUp === undefined ? 'a session or bearer token' : 'a session'
    return `For ${by} with the role ${access.roles.join(', ')}.`
  }
  return 'For a write key.'
}

function inputs({ query, body, headers }: Route): [string, string][] {
  return [
    ...(query === undefined ? [] : parameters(query)),
    ...Object.entries(headers ?? {}),
    ...(body === undefined ? [] : [['body', BODY] as [string, string]]),
  ]
}

const BODY = 'JSON, as in the example below; every field with its bounds stands in openapi.json.'

/** What JSON Schema tells of a parameter. */
interface Parameter {
  readonly description?: string
  readonly enum?: readonly string[]
  readonly default?: unknown
  readonly minimum?: number
  readonly maximum?: number
}

function parameters(query: z.ZodObject): [string, string][] {
  const { properties = {}, required = [] } = z.toJSONSchema(query, { io: 'input', unrepresentable: 'any' }) as {
    properties?: Record<string, Parameter>
    required?: readonly string[]
  }
  return Object.entries(properties).map(([name, about]) => [`?${name}`, told(about, required.includes(name))])
}

function told({ description, enum: values, minimum, maximum, default: standing }: Parameter, needed: boolean): string {
  const bounded = minimum !== undefined && maximum !== undefined
  return [
    description,
    values === undefined ? undefined : `One of ${values.map((value) => `\`${value}\``).join(', ')}.`,
    bounded ? `From ${minimum} to ${maximum}.` : undefined,
    standing === undefined
      ? undefined
      : `Default: \`${typeof standing === 'string' ? standing : JSON.stringify(standing)}\`.`,
    needed ? 'Required.' : undefined,
  ]
    .filter((part) => part !== undefined)
    .join(' ')
}

/** The example that the body's schema carries. */
function example({ body }: Route): string {
  const [first] = (body?.schema.meta()?.examples ?? []) as readonly unknown[]
  return first === undefined ? '' : `\n<pre><code>${escapeHtml(JSON.stringify(first, null, 1))}</code></pre>`
}

function answers(route: Route): [string, string][] {
  return Object.entries(answersOf(route)).map(([status, { description }]) => [status, description])
}

function row([name, about]: [string, string]): string {
  return `<tr><th scope="row"><code>${escapeHtml(name)}</code></th><td>${textHtml(about)}</td></tr>`
}

/** A text in which backticks mark what is to be written as it stands. */
function textHtml(text: string): string {
  return escapeHtml(text).replace(/`([^`]+)`/g, '<code>$1</code>')
}

function idOf({ method, path }: Route): string {
  return `${method}${path.replace(/[^A-Za-z0-9]+/g, '-')}`
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}
