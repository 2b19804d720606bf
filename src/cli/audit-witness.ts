import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import type { Command } from 'commander'
import type { VerifierKey } from '../audit/verifier-key.ts'
import { createWitness } from '../audit/witness.ts'
import { createWitnessServer } from '../audit/witness-server.ts'
import { openWitnessState } from '../audit/witness-state.ts'
import { startedByNpm } from '../config.ts'
import { AppError } from '../errors.ts'
import { createLog } from '../log.ts'
import { whenParentGoes } from '../parent.ts'
import { collect, readKey } from './audit-trust.ts'
import { answer, type CommonOptions, example } from './output.ts'

interface WitnessOptions extends CommonOptions {
  readonly listen: string
  readonly state: string
  readonly log: readonly string[]
  readonly name?: string
}

/** `weir audit witness`: a process of somebody else's, who cosigns checkpoints that extend those before. */
export function registerWitness(command: Command): void {
  command.description('cosign checkpoints of logs, and refuse those that are not consistent with the ones before')
  command.option('--listen <host:port>', 'where logs reach it', '127.0.0.1:9199')
  command.requiredOption('--state <dir>', 'folder for its key and what it has cosigned; never restore it from a copy')
  command.requiredOption('--log <vkey>', 'key of a log to be witnessed; also of its shards of other years', collect)
  command.option('--name <name>', 'name of its key, as <host>/<name>; by default that of this machine')
  command.addHelpText(
    'after',
    '\nRun it where whoever runs the log cannot reach: it is worth what it is out of their hands.',
  )
  command.addHelpText(
    'after',
    example(`npm run -s weir -- audit witness --state /var/lib/witness --log 'weir.example/audit/2026+1f2e3d4c+A…'`),
  )
  command.action(async (options: WitnessOptions) => {
    const { host, port } = readAddress(options.listen)
    const witness = await startWitness({ ...options, host, port, logs: options.log.map(readKey) })
    const logs = options.log.map((vkey) => readKey(vkey).name)
    const text = `Witness ${witness.vkey}\nListens on ${witness.url}, for ${logs.join(', ')}.`
    answer(options, { vkey: witness.vkey, url: witness.url, logs }, text)
    await new Promise((resolve) => {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve)
      if (startedByNpm()) whenParentGoes(process.ppid, () => resolve(undefined))
    })
    await witness.stop()
  })
}

export interface RunningWitness {
  readonly vkey: string
  readonly url: string
  stop(): Promise<void>
}

/** Starts a witness in this process. Resolves when it listens. */
export async function startWitness(options: {
  readonly host: string
  /** 0 for any. */
  readonly port: number
  readonly state: string
  readonly name?: string
  readonly logs: readonly VerifierKey[]
}): Promise<RunningWitness> {
  const log = createLog({ level: 'info', to: 'stderr' })
  const state = await openWitnessState(options.state, options.name, `${hostname()}/witness`)
  try {
    const witness = createWitness({ state, logs: options.logs, now: Date.now })
    const server = createWitnessServer(witness, (error) => log.error({ err: error }, 'witness-failed'))
    const url = await listen(server, options.host, options.port)
    return {
      vkey: state.vkey,
      url,
      async stop() {
        server.close()
        server.closeIdleConnections()
        await once(server, 'close')
        await state.close()
      },
    }
  } catch (error) {
    await state.close()
    throw error
  }
}

async function listen(server: Server, host: string, port: number): Promise<string> {
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (cause) {
    throw new AppError('conflict', `cannot listen on ${host}:${port}`, { code: 'listen', cause })
  }
  const { address, family, port: bound } = server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${bound}`
}

function readAddress(text: string): { host: string; port: number } {
  const [, host, port] = /^\[?([^\]]+?)\]?:(\d{1,5})$/.exec(text) ?? []
  if (host === undefined || Number(port) > 65_535) {
    throw new AppError('invalid', '--listen takes host:port', { code: 'usage' })
  }
  return { host, port: Number(port) }
}
