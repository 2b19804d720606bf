import { main } from '../../src/cli/main.ts'

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/**
 * One command in this process, with its own environment: what it wrote and its exit code.
 * A process of its own costs a second each; test/process starts some.
 */
export async function runCommand(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Ran> {
  const written = { stdout: '', stderr: '' }
  const before = Object.keys(env).map((name) => [name, process.env[name]] as const)
  const writes = {
    stdout: process.stdout.write.bind(process.stdout),
    stderr: process.stderr.write.bind(process.stderr),
  }
  const catchInto = (name: 'stdout' | 'stderr') => (text: string | Uint8Array) => {
    written[name] += String(text)
    return true
  }
  try {
    Object.assign(process.env, env)
    process.stdout.write = catchInto('stdout')
    process.stderr.write = catchInto('stderr')
    process.exitCode = 0
    await main(args)
    return { code: Number(process.exitCode), ...written }
  } finally {
    process.stdout.write = writes.stdout
    process.stderr.write = writes.stderr
    // One by one: process.env is no plain object, and the process has only this one.
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
    process.exitCode = undefined
  }
}
