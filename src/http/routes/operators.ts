import type { HttpDeps } from '../deps.ts'
import type { Route } from './route.ts'

/** GET /healthz: the process answers. */
export function healthz(): Route {
  return {
    method: 'get',
    path: '/healthz',
    surface: 'api',
    summary: 'The process is alive',
    answers: { 200: { description: 'Alive.' } },
    access: { who: 'anyone', handle: () => ({ json: { ok: true } }) },
  }
}

/** GET /readyz: events can come in and be delivered. */
export function readyz(deps: HttpDeps): Route {
  return {
    method: 'get',
    path: '/readyz',
    surface: 'api',
    summary: 'Database, migrations, keys and flow',
    answers: { 200: { description: 'Ready.' }, 503: { description: 'Not ready: `checks` says what is wrong.' } },
    access: {
      who: 'anyone',
      async handle() {
        const { ok, checks } = await deps.health.ready()
        return ok ? { json: { ok, checks } } : { status: 503, json: { ok, checks }, headers: { 'Retry-After': '1' } }
      },
    },
  }
}

/** GET /metrics: counters without a personal label; keep it from the public at your proxy. */
export function metrics(deps: HttpDeps): Route {
  return {
    method: 'get',
    path: '/metrics',
    surface: 'api',
    summary: 'Prometheus metrics',
    answers: { 200: { description: 'Text exposition format 0.0.4.' } },
    access: {
      who: 'anyone',
      handle: async () => ({ text: await deps.metrics(), type: 'text/plain; version=0.0.4; charset=utf-8' }),
    },
  }
}
