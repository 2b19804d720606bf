import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'

interface Package {
  readonly dependencies?: Record<string, string>
  readonly optionalDependencies?: Record<string, string>
}

// npm 11 refuses a lock file without the packages of other platforms, and older ones write such a file where a registry
// does not serve them all.
test('the lock file holds every package that one of its packages asks for, of all platforms', async () => {
  const text = await readFile(join(import.meta.dirname, '..', '..', 'package-lock.json'), 'utf8')
  const { packages } = JSON.parse(text) as { packages: Record<string, Package> }
  const missing = Object.entries(packages).flatMap(([path, { dependencies = {}, optionalDependencies = {} }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies }).filter((name) => !isThere(packages, path, name)),
  )
  expect(Object.keys(packages).length).toBeGreaterThan(100)
  expect(missing).toEqual([])
})

/** Looked for as Node does: in the package's own folder, then in each one above it. */
function isThere(packages: Record<string, Package>, path: string, name: string): boolean {
  if (Object.hasOwn(packages, [path, 'node_modules', name].filter((part) => part !== '').join('/'))) return true
  if (path === '') return false
  const above = path.lastIndexOf('/node_modules/')
  return isThere(packages, above < 0 ? '' : path.slice(0, above), name)
}
