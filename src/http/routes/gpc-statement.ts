import { z } from 'zod'
import type { Route } from './route.ts'

// The day on which what Weir does with Sec-GPC last changed (W3C GPC §3.6): not a clock.
const LAST_UPDATE = '2026-11-22'

/** GET /.well-known/gpc.json */
export function gpcStatement(): Route {
  return {
    method: 'get',
    path: '/.well-known/gpc.json',
    surface: 'pages',
    summary: 'We honour Global Privacy Control',
    answers: {
      200: {
        description: 'The statement.',
        schema: z.strictObject({ gpc: z.literal(true), lastUpdate: z.iso.date() }),
      },
    },
    access: { who: 'anyone', handle: () => ({ json: { gpc: true, lastUpdate: LAST_UPDATE } }) },
  }
}
