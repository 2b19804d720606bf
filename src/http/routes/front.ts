import { hash } from 'node:crypto'
import type { Route } from './route.ts'

const style = 'body{font:1.1rem/1.6 system-ui,sans-serif;max-width:36rem;margin:4rem auto;padding:0 1rem}'

const html = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Weir</title><style>${style}</style></head><body>
<h1>Weir</h1>
<p>A consent and data-protection gateway: a shop's events come in here, and only what each person and the law permit goes on. <a href="docs">The API</a></p>
<p lang="zh-CN">同意与数据保护网关：店铺的事件从这里进入，只有个人和法律允许的部分才会继续传递。<a href="docs">接口文档</a></p>
</body></html>`

const headers = {
  'Content-Security-Policy': [
    "default-src 'none'",
    `style-src 'sha256-${hash('sha256', style, 'base64')}'`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
}

/** GET /: for who opens the address in a browser to see what answers there. */
export function frontPage(): Route {
  return {
    method: 'get',
    path: '/',
    surface: 'pages',
    summary: 'What this is, in English and Chinese',
    answers: { 200: { description: 'A page that loads nothing else.' } },
    access: { who: 'anyone', handle: () => ({ text: html, type: 'text/html; charset=utf-8', headers }) },
  }
}
