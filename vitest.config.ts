import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.test.ts', 'examples/*/test/**/*.test.ts', 'bench/test/**/*.test.ts'],
    // Real threads and native sessions live in these processes: one a file, so that a leak is seen where it is made.
    pool: 'forks',
    testTimeout: 60_000,
  },
})
