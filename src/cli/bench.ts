import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Command } from 'commander'
import { AppError } from '../errors.ts'
import { answer, type CommonOptions, example } from './output.ts'

/** What a bench measured: figures with their unit in the name, and the goals that they are held against. */
export interface BenchResult {
  readonly name: string
  readonly figures: Readonly<Record<string, number>>
  readonly goals: readonly {
    readonly what: string
    readonly goal: number
    readonly value: number
    readonly met: boolean
  }[]
}

const FOLDER = join(import.meta.dirname, '..', '..', 'test', 'bench')

export function register(command: Command): void {
  command.argument('<name>', 'which one: ingest, decide, withdraw, erase, retail…')
  command.addHelpText('after', example('npm run -s bench -- ingest --json'))
  command.action(async (name: string, options: CommonOptions) => {
    const names = (await readdir(FOLDER)).filter((file) => file.endsWith('.bench.ts')).map((file) => file.slice(0, -9))
    if (!names.includes(name)) throw new AppError('invalid', `there is no such bench: ${names.sort().join(', ')}`)
    const file = pathToFileURL(join(FOLDER, `${name}.bench.ts`)).href
    const { run } = (await import(file)) as { run: () => Promise<BenchResult> }
    const result = await run()
    const { keepResult } = (await import(pathToFileURL(join(FOLDER, 'results.ts')).href)) as {
      keepResult: (result: BenchResult) => Promise<void>
    }
    await keepResult(result)
    answer(options, result, table(result))
    if (result.goals.some((goal) => !goal.met)) process.exitCode = 1
  })
}

function table(result: BenchResult): string {
  const width = Math.max(...Object.keys(result.figures).map((name) => name.length))
  const figures = Object.entries(result.figures).map(([name, value]) => `  ${name.padEnd(width)}  ${value}`)
  const goals = result.goals.map(
    ({ what, goal, value, met }) => `  ${met ? 'met   ' : 'MISSED'} ${what}: ${value} (goal ${goal})`,
  )
  return [result.name, ...figures, 'goals', ...goals].join('\n')
}
