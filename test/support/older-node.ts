import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** A Node between 18 and 23 among the programs on PATH, as machines have it that know nothing of ours. */
export function findOlderNode(): string | undefined {
  for (const folder of (process.env.PATH ?? '').split(':')) {
    const candidate = join(folder, 'node')
    if (!existsSync(candidate)) continue
    const major = Number.parseInt(execFileSync(candidate, ['-p', 'process.versions.node'], { encoding: 'utf8' }), 10)
    if (major >= 18 && major < 24) return candidate
  }
  return undefined
}
