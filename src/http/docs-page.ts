import { hash } from 'node:crypto'
import { answersOf } from './routes/answers.ts'
import type { Route } from './routes/route.ts'

const style = `
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}
h2{margin:2rem 0 .25rem;font-size:1.05rem;font-family:ui-monospace,monospace}
p{margin:.25rem 0}table{border-collapse:collapse;margin:.5rem 0}td,th{text-align:left;padding:.15rem 1rem .15rem 0;vertical-align:top}
.who{color:#57606a}nav{columns:2;font-family:ui-monospace,monospace;font-size:.9rem}nav a{display:block}
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

/** The routes of the wire protocol differ in what they take and in nothing else. */
function eventSection(events: readonly Route[]): string {
  const takes = events.map((route) => row([`${route.method.toUpperCase()} ${route.path}`, route.summary]))
  const [first] = events
  return `<section><h2 id="events">Sending events</h2>
<p>Segment's wire protocol, and RudderStack's. <span class="who">For a write key.</span></p>
<table>${takes.join('')}</table>
<table>${(first === undefined ? [] : answers(first)).map((one) => row(one)).join('')}</table></section>`
}

function nameOf({ method, path }: Route): string {
  return escapeHtml(`${method.toUpperCase()} ${path}`)
}

function section(route: Route): string {
  return `<section><h2 id="${idOf(route)}">${nameOf(route)}</h2>
<p>${escapeHtml(route.summary)}. <span class="who">${escapeHtml(who(route))}</span></p>
${route.description === undefined ? '' : `<p>${escapeHtml(route.description)}</p>`}
<table>${[...inputs(route), ...answers(route)].map((one) => row(one)).join('')}</table></section>`
}

function who({ access }: Route): string {
  if (access.who === 'anyone') return 'For anyone.'
  if (access.who === 'role') return `For a bearer token with the role ${access.roles.join(', ')}.`
  return 'For a write key.'
}

function inputs({ query, body, headers }: Route): [string, string][] {
  return [
    ...Object.keys(query?.shape ?? {}).map((name): [string, string] => [
      `?${name}`,
      query?.shape[name]?.description ?? '',
    ]),
    ...Object.entries(headers ?? {}),
    ...(body === undefined ? [] : [['body', 'JSON; its fields stand in /openapi.json'] as [string, string]]),
  ]
}

function answers(route: Route): [string, string][] {
  return Object.entries(answersOf(route)).map(([status, { description }]) => [status, description])
}

function row([name, about]: [string, string]): string {
  return `<tr><th scope="row"><code>${escapeHtml(name)}</code></th><td>${escapeHtml(about)}</td></tr>`
}

function idOf({ method, path }: Route): string {
  return `${method}${path.replace(/[^A-Za-z0-9]+/g, '-')}`
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}
