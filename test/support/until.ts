import { setTimeout as delay } from 'node:timers/promises'

/** Polls until the condition holds. @throws after `seconds`, with what was waited for */
export async function until(what: string, holds: () => boolean | Promise<boolean>, seconds = 20): Promise<void> {
  const giveUpAt = Date.now() + seconds * 1000
  while (!(await holds())) {
    if (Date.now() > giveUpAt) throw new Error(`waited ${seconds} s for this: ${what}`)
    await delay(20)
  }
}
