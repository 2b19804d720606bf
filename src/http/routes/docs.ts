import type { HttpDeps } from '../deps.ts'
import { docsHtml, docsPolicy } from '../docs-page.ts'
import { openApi } from '../openapi.ts'
import type { Route } from './route.ts'

/** GET /openapi.json */
export function openApiDocument({ config }: HttpDeps, routes: readonly Route[]): Route {
  const document = openApi(routes, config.publicUrl)
  return {
    method: 'get',
    path: '/openapi.json',
    surface: 'pages',
    summary: 'This API as OpenAPI 3.1',
    answers: { 200: { description: 'The document.' } },
    access: { who: 'anyone', handle: () => ({ json: document }) },
  }
}

/** GET /docs */
export function docsPage({ config }: HttpDeps, routes: readonly Route[]): Route {
  const html = docsHtml(routes, config.publicUrl)
  const headers = { 'Content-Security-Policy': docsPolicy }
  return {
    method: 'get',
    path: '/docs',
    surface: 'pages',
    summary: 'This API to read',
    answers: { 200: { description: 'A page that loads nothing else.' } },
    access: { who: 'anyone', handle: () => ({ text: html, type: 'text/html; charset=utf-8', headers }) },
  }
}
