import { hash } from 'node:crypto'
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
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Weir: the API</title><style>${style}</style></head><body>
<h1>Weir: the API</h1>
<p>At ${escapeHtml(publicUrl)}. Errors are problem+json with a stable <code>code</code>. As OpenAPI 3.1: <a href="/openapi.json">/openapi.json</a>.</p>
<nav>${routes.map((route) => `<a href="#${idOf(route)}">${route.method.toUpperCase()} ${escapeHtml(route.path)}</a>`).join('')}</nav>
${routes.map(section).join('\n')}
</body></html>`
}

function section(route: Route): string {
  return `<section><h2 id="${idOf(route)}">${route.method.toUpperCase()} ${escapeHtml(route.path)}</h2>
<p>${escapeHtml(route.summary)}. <span class="who">${escapeHtml(who(route))}</span></p>
${route.description === undefined ? '' : `<p>${escapeHtml(route.description)}</p>`}
<table>${[...inputs(route), ...answers(route)].map(row).join('')}</table></section>`
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
  return Object.entries(route.answers).map(([status, { description }]) => [status, description])
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
