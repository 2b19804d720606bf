import { defineConfig } from 'vitest/config'

// vitest leaves one core free, which on two leaves one.
const everyCore = { maxWorkers: '100%' }
// What is imported once serves every file of a worker: no file leaves anything behind that another would meet.
const shared = { isolate: false }
const inForks = { pool: 'forks' as const, testTimeout: 60_000, hookTimeout: 120_000 }

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 20_000, ...everyCore, ...shared } },
      {
        test: {
          name: 'flow',
          include: ['test/flow/**/*.test.ts'],
          globalSetup: ['test/support/global-postgres.ts'],
          ...inForks,
          ...everyCore,
          ...shared,
        },
      },
      {
        test: {
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          globalSetup: ['test/support/global-postgres.ts', 'test/support/global-browser.ts'],
          ...inForks,
          ...everyCore,
          ...shared,
          // A browser beside every core's worth of other tests would only wait.
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'process',
          include: ['test/process/**/*.test.ts'],
          globalSetup: ['test/support/global-cluster.ts'],
          ...inForks,
          // Whole gateways and servers, killed and raced, after everything else: two at a time, for they mostly wait.
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
