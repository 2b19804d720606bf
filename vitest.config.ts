import { defineConfig } from 'vitest/config'

const serialInOneProcess = { pool: 'forks' as const, testTimeout: 60_000, hookTimeout: 120_000 }

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 20_000 } },
      {
        test: {
          name: 'flow',
          include: ['test/flow/**/*.test.ts'],
          globalSetup: ['test/support/global-postgres.ts'],
          ...serialInOneProcess,
        },
      },
      {
        test: {
          name: 'process',
          include: ['test/process/**/*.test.ts'],
          ...serialInOneProcess,
          fileParallelism: false,
        },
      },
    ],
  },
})
