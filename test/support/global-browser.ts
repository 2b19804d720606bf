import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { type Chromium, findChromium } from './browser.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Null where this platform has none: tests that need one are skipped. */
    chromium: Chromium | null
  }
}

/** One Chromium for the whole run, unpacked into a temporary folder where none is installed. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // Named and marked like the data directories: a run that was killed is cleaned up by the next one.
  const folder = await mkdtemp(join(tmpdir(), 'weir-test-'))
  await chmod(folder, 0o711)
  await writeFile(join(folder, 'run.pid'), String(process.pid))
  const chromium = await findChromium(folder)
  if (chromium === undefined) {
    console.warn(
      `No Chromium for ${process.platform} ${process.arch}: the tests in a browser are SKIPPED. Install Chrome or set CHROME_PATH.`,
    )
  }
  project.provide('chromium', chromium ?? null)
  return () => rm(folder, { recursive: true, force: true })
}
