import type { Api } from './api.ts'
import type { ShopSdk } from './sdk.ts'
import type { Choice, Shop } from './shop.ts'

/** Choices on their way at the same time; a person makes at most one a day, so their order does not matter. */
const AT_ONCE = 8

/**
 * Plays the shop day by day: what people chose, then what they did, each day answered before the next begins.
 * `progress` hears of messages answered.
 */
export async function replay(
  shop: Shop,
  { api, sdk, signal }: { readonly api: Api; readonly sdk: ShopSdk; readonly signal: AbortSignal },
  progress: (done: number, total: number) => void,
): Promise<void> {
  const total = shop.days.reduce((sum, { messages }) => sum + messages.length, 0)
  for (const { choices, messages } of shop.days) {
    signal.throwIfAborted()
    await chooseAll(api, choices)
    for (const message of messages) sdk.send(message)
    await sdk.flush()
    progress(sdk.answers.size, total)
  }
}

async function chooseAll(api: Api, choices: readonly Choice[]): Promise<void> {
  for (let i = 0; i < choices.length; i += AT_ONCE) {
    await Promise.all(choices.slice(i, i + AT_ONCE).map((choice) => api.choose(choice)))
  }
}
