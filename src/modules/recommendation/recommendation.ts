import type { Module } from '../module.ts'
import { clear } from './clear.ts'
import { digest } from './digest.ts'
import { expire, keeps } from './expire.ts'
import { erase, holds } from './forget.ts'
import { handle } from './handle.ts'
import { relink } from './link.ts'

/** The Postgres role that delivery takes (`set local role`) around everything this module writes. */
export const RECOMMENDATION_ROLE = 'weir_recommendation'

/** What goes with what: views, baskets, and who counts as whom. Answers are in serve.ts. */
export const recommendation: Module = {
  name: 'recommendation',
  purpose: 'personalisation',
  handle,
  relink,
  erase,
  holds,
  keeps,
  expire,
  clear,
  digest,
}
