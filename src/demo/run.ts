import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '../errors.ts'
import { openApi } from './api.ts'
import { type DemoDocument, observe } from './document.ts'
import { type Gateway, startGateway, untilReady } from './gateway.ts'
import { type Keys, makeKeys } from './keys.ts'
import { nextSteps } from './next-steps.ts'
import { choosePort, makePlace, type Place } from './place.ts'
import { replay } from './replay.ts'
import { report } from './report.ts'
import { openScreen, type Screen } from './screen.ts'
import { loadSegment, openSdk } from './sdk.ts'
import { settled } from './settled.ts'
import { makeShop, type Shop } from './shop.ts'
import { reportRange } from './story.ts'
import { withdraw } from './withdraw.ts'
import { type Lang, WORDS } from './words.ts'
import { widthFor, wrap } from './wrap.ts'

export interface DemoInput {
  readonly lang: Lang
  readonly seed: number
  /** Last day of the sample, YYYY-MM-DD: yesterday, so that none of its days is still going on. */
  readonly lastDay: string
  /** Where the data lie; absent: in a temporary folder that is removed at the end. */
  readonly dataDir?: string | undefined
  readonly port: number
  /** Whether the gateway goes on until `signal`. */
  readonly stays: boolean
  readonly json: boolean
  /** What the gateway's process is given for its environment. */
  environment(place: { readonly dataDir: string; readonly port: number }): NodeJS.ProcessEnv
  /** Makes a folder and what is missing above it. @throws AppError where it cannot */
  makeFolder(path: string): Promise<void>
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal
  /** The answer, on stdout. */
  readonly answer: (text: string) => void
  /** What goes on meanwhile, on stderr. */
  readonly tell: (text: string) => void
  readonly terminal: boolean
  /** Columns of the terminal behind `answer` and behind `tell`; undefined or 0 where there is none. */
  readonly columns: Readonly<Record<'answer' | 'tell', () => number | undefined>>
}

/** What a step works with. `signal` is also aborted, with the reason, where the gateway ends by itself. */
interface Running {
  readonly input: DemoInput
  readonly screen: Screen
  readonly gateway: Gateway
  readonly signal: AbortSignal
}

/**
 * The demo from beginning to end. Whatever happens, the gateway and its Postgres are stopped when this settles, and
 * temporary data removed. @throws AppError where a step fails; the signal's reason where it was interrupted
 */
export async function runDemo(input: DemoInput): Promise<void> {
  const words = WORDS[input.lang]
  const shop = makeShop({ seed: input.seed, lastDay: input.lastDay })
  const segment = await loadSegment()
  const screen = openScreen(input.tell, {
    terminal: input.terminal,
    colon: words.colon,
    columns: input.columns.tell,
  })
  input.tell(`${words.title(String(shop.people.length), String(shop.days.length))}\n${words.synthetic(shop.seed)}\n\n`)
  const place = await makePlace(input.dataDir, (path) => input.makeFolder(path))
  let gateway: Gateway | undefined
  try {
    const open = (port: number): Gateway => {
      if (port !== input.port && input.port !== 0) input.tell(`${words.details.otherPort(input.port, port)}\n`)
      input.signal.throwIfAborted()
      const environment = input.environment({ dataDir: place.dataDir, port })
      gateway = startGateway({ port, dataDir: place.dataDir, environment })
      return gateway
    }
    const ready = await screen.step(words.steps.start, async ({ detail }) => {
      const first = open(await choosePort(input.port))
      // Another demo that was started at the same time may have been quicker to listen.
      const taken = await untilReady(first, input.signal)
      const one = taken ? open(await choosePort(0)) : first
      if (taken && (await untilReady(one, input.signal))) throw new AppError('conflict', 'no port is free')
      detail(words.details.dataDir(one.url, place.dataDir))
      return one
    })
    const running = { input, screen, gateway: ready, signal: withEnd(input.signal, ready) }
    await tellStory(running, shop, segment, place).catch(async (error: unknown) => {
      throw await causeOf(error, running)
    })
  } finally {
    await tidyUp(input, gateway, place)
  }
}

/** A connection that breaks is heard of a moment before the end of the process that broke it. */
async function causeOf(error: unknown, { gateway, signal }: Running): Promise<unknown> {
  if (error instanceof AppError || signal.aborted) return error
  await Promise.race([gateway.ended, delay(1_000)])
  return signal.aborted ? signal.reason : error
}

function withEnd(signal: AbortSignal, gateway: Gateway): AbortSignal {
  const gone = new AbortController()
  void gateway.ended.then((said) => gone.abort(new AppError('conflict', `the gateway ended: ${said}`)))
  return AbortSignal.any([signal, gone.signal])
}

async function tellStory(
  running: Running,
  shop: Shop,
  segment: Awaited<ReturnType<typeof loadSegment>>,
  place: Place,
): Promise<void> {
  const { input, screen, gateway, signal } = running
  const words = WORDS[input.lang]
  const keys = await screen.step(words.steps.keys, () => untilAborted(signal, makeKeys(gateway)))
  const api = openApi({ url: gateway.url, ...keys, range: reportRange(shop) })
  const sdk = openSdk(segment, { url: gateway.url, writeKey: keys.writeKey })
  try {
    await screen.step(words.steps.send, async ({ progress, detail }) => {
      await untilAborted(signal, replay(shop, { api, sdk, signal }, progress))
      detail(words.details.sent(sdk.answers.size.toLocaleString(words.locale)))
    })
    await api.addCosts(shop.costs)
    await screen.step(words.steps.settle, () => settled(api, signal))
    const findings = await screen.step(words.steps.look, () => untilAborted(signal, observe(shop, { api, sdk })))
    const gone = await screen.step(words.steps.leave, () => untilAborted(signal, withdraw(shop, { api, sdk, signal })))
    show(running, { ...findings, withdrawal: gone, seconds: { total: screen.seconds() } })
    if (!input.json) input.answer(offerNext(running, shop, keys, place))
    if (input.stays) await untilStopped(running)
  } finally {
    await sdk.close()
  }
}

function offerNext({ input, gateway }: Running, shop: Shop, keys: Keys, place: Place): string {
  const { again } = WORDS[input.lang].next
  return input.stays
    ? nextSteps({ url: gateway.url, shop, keys, lang: input.lang, kept: !place.temporary, width: pageWidth(input) })
    : `${wrap(again, { width: pageWidth(input) })}\n`
}

function pageWidth({ columns }: DemoInput): number {
  return widthFor(columns.answer())
}

function show({ input }: Running, document: DemoDocument): void {
  input.answer(input.json ? `${JSON.stringify(document)}\n` : report(document, input.lang, pageWidth(input)))
}

/** Settles as the work does, or at once when the signal is aborted, with its reason. */
function untilAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const aborted = new Promise<never>((_, reject) => {
    const give = (): void => reject(signal.reason as Error)
    if (signal.aborted) give()
    else signal.addEventListener('abort', give, { once: true })
  })
  return Promise.race([work, aborted])
}

/** Resolves with Ctrl-C. @throws AppError where the gateway ends before */
async function untilStopped({ input, signal }: Running): Promise<void> {
  await untilAborted(signal, new Promise<never>(() => undefined)).catch((error: unknown) => {
    if (!input.signal.aborted) throw error
  })
}

async function tidyUp(input: DemoInput, gateway: Gateway | undefined, place: Place): Promise<void> {
  const { details, betweenSentences } = WORDS[input.lang]
  if (input.signal.aborted) input.tell(`\n${details.stopping}\n`)
  await gateway?.stop()
  await place.remove()
  const data = place.temporary ? details.removed : details.kept(place.dataDir)
  input.tell(`${details.stopped}${betweenSentences}${data}\n`)
}
