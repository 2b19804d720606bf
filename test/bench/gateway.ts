import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtemp } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { removeData } from '../../src/db/embedded.ts'

const BIN = join(import.meta.dirname, '..', '..', 'bin', 'weir.mjs')

/** A gateway of its own process on a durable embedded Postgres, as `npm start` runs it. */
export interface Gateway {
  readonly url: string
  readonly dataDir: string
  readonly env: NodeJS.ProcessEnv
  /** Runs a weir command against it and returns what it answered with --json. */
  weir(...args: string[]): Promise<Record<string, string>>
  stop(): Promise<void>
}

export async function startGateway(env: Record<string, string> = {}): Promise<Gateway> {
  const dataDir = await mkdtemp(join(tmpdir(), 'weir-bench-'))
  return startGatewayIn(dataDir, env, () => removeData(dataDir))
}

/** In a data directory that stays where `cleanUp` does not remove it. */
export async function startGatewayIn(
  dataDir: string,
  more: Record<string, string>,
  cleanUp: () => Promise<void> = async () => undefined,
): Promise<Gateway> {
  const port = await freePort()
  const env = { ...process.env, WEIR_DATA_DIR: dataDir, WEIR_PORT: String(port), WEIR_LOG_LEVEL: 'warn', ...more }
  const child = spawn(process.execPath, [BIN, 'start'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  child.stdout?.resume()
  const url = `http://127.0.0.1:${port}`
  await untilReady(url, child)
  return {
    url,
    dataDir,
    env,
    async weir(...args) {
      const { stdout } = await promisify(execFile)(process.execPath, [BIN, ...args, '--json'], { env })
      return JSON.parse(stdout) as Record<string, string>
    },
    async stop() {
      const gone = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      await gone
      await cleanUp()
    },
  }
}

async function untilReady(url: string, child: ChildProcess): Promise<void> {
  for (let i = 0; i < 600; i++) {
    if (child.exitCode !== null) throw new Error(`the gateway ended with ${child.exitCode}`)
    const answer = await fetch(`${url}/healthz`).catch(() => undefined)
    if (answer?.ok) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('the gateway is not ready after 60 s')
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}
