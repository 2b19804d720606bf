import type { Module } from '../module.ts'
import type { Channels } from './channels.ts'
import { clear } from './clear.ts'
import { digest } from './digest.ts'
import { expire, keeps } from './expire.ts'
import { erase, holds } from './forget.ts'
import { handle } from './handle.ts'
import { relink } from './link.ts'

/** The Postgres role that delivery takes (`set local role`) around everything this module writes. */
export const ATTRIBUTION_ROLE = 'weir_attribution'

/** How people came and what they ordered, and who counts as whom. Credit is computed when it is read: credit.ts. */
export const attribution: Module = {
  name: 'attribution',
  purpose: 'attribution',
  handle: (tx, batch) => handle(tx, batch),
  relink,
  erase,
  holds,
  keeps,
  expire,
  clear,
  digest,
}

/** The module where the channels tell hosts of one domain apart (tieba.baidu.com and baidu.com). */
export function attributionWith({ knownAs }: Pick<Channels, 'knownAs'>): Module {
  return { ...attribution, handle: (tx, batch) => handle(tx, batch, knownAs) }
}
