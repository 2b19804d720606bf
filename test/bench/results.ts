import { readFile, rename, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import type { BenchResult } from '../../src/cli/bench.ts'

const FILE = join(import.meta.dirname, 'results.json')

/** Keeps the last result of each bench beside the facts of the machine that gave it. */
export async function keepResult(result: BenchResult): Promise<void> {
  const all = JSON.parse(await readFile(FILE, 'utf8').catch(() => '{}')) as Record<string, unknown>
  all[result.name] = { at: new Date().toISOString(), machine: machine(), figures: result.figures, goals: result.goals }
  await writeFile(`${FILE}.tmp`, `${JSON.stringify(all, null, 2)}\n`)
  await rename(`${FILE}.tmp`, FILE)
}

function machine(): object {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    command: 'npm run -s bench -- <name>',
  }
}
