import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '../errors.ts'
import { isAlive, postmasterOf } from './place.ts'

const BIN = join(import.meta.dirname, '..', '..', 'bin', 'weir.mjs')
const READY_MS = 60_000
const STOP_MS = 30_000 // it gives itself 24 s

/** A gateway of its own process, with the embedded Postgres. */
export interface Gateway {
  readonly url: string
  /** What a weir command answers with --json. */
  weir(...args: string[]): Promise<Readonly<Record<string, string>>>
  /** Resolves with what it said last when the process has ended, wanted or not. */
  readonly ended: Promise<string>
  /** Resolves when this process listens: another one may answer on its port. */
  readonly listening: Promise<void>
  /** Ends it, and Postgres with it. May be called twice. */
  stop(): Promise<void>
}

export interface GatewayInput {
  readonly port: number
  readonly dataDir: string
  /** The whole environment: WEIR_PORT, WEIR_DATA_DIR and what else the gateway reads. */
  readonly environment: NodeJS.ProcessEnv
}

/** Starts the process. It is not ready yet: `untilReady` waits. */
export function startGateway({ port, dataDir, environment: env }: GatewayInput): Gateway {
  // A group of its own: Ctrl-C at the terminal is ours to hear, and we stop it in order.
  const detached = process.platform !== 'win32'
  const child = spawn(process.execPath, [BIN, 'start'], { env, detached, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = endOf(child)
  return {
    url: `http://127.0.0.1:${port}`,
    ended,
    listening: listeningOf(child),
    weir: (...args) => answerOf(args, env),
    async stop() {
      child.kill('SIGTERM')
      if ((await Promise.race([ended, delay(STOP_MS, undefined, { ref: false })])) === undefined) {
        child.kill('SIGKILL')
        await ended
      }
      await stopPostgres(dataDir)
    },
  }
}

function listeningOf(child: ChildProcess): Promise<void> {
  let said = ''
  return new Promise((resolve) => {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-1_000)
      if (said.includes('Weir is ready')) resolve()
    })
  })
}

function endOf(child: ChildProcess): Promise<string> {
  let last = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    last =
      text
        .trimEnd()
        .split('\n')
        .findLast((line) => line.startsWith('weir: '))
        ?.slice(6) ?? last
  })
  return new Promise((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => resolve(`it could not be started (${error.code})`))
    child.once('close', (code, signal) => resolve(last === '' ? `it ended with ${signal ?? code}` : last))
  })
}

function answerOf(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Record<string, string>> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [BIN, ...args, '--json'], { env }, (error, stdout) => {
      if (error === null) resolve(JSON.parse(stdout) as Record<string, string>)
      else
        reject(new AppError('conflict', `weir ${args.slice(0, 2).join(' ')} failed (${error.code})`, { cause: error }))
    })
  })
}

/** A gateway that was killed leaves its Postgres: nothing of ours may go on running. */
async function stopPostgres(dataDir: string): Promise<void> {
  const pid = await postmasterOf(dataDir)
  if (!isAlive(pid)) return
  process.kill(pid, 'SIGINT')
  for (let waited = 0; isAlive(pid) && waited < STOP_MS; waited += 100) await delay(100)
}

/**
 * Resolves when it listens, with true where its port was taken instead.
 * @throws AppError with its own words where it ended for another reason
 */
export async function untilReady({ listening, ended }: Gateway, signal: AbortSignal): Promise<boolean> {
  const outcome = await Promise.race([
    listening.then(() => ({ ready: true, said: '' })),
    ended.then((said) => ({ ready: false, said })),
    delay(READY_MS, { ready: false, said: `it was not ready after ${READY_MS / 1000} s` }, { signal, ref: false }),
  ])
  if (outcome.ready) return false
  if (/port \d+ is taken/.test(outcome.said)) return true
  throw new AppError('conflict', `the gateway did not start: ${outcome.said}`)
}
