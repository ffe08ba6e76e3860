import { defineConfig } from 'tsup'

export default defineConfig({
  entry: ['src/main.ts', 'src/thread.ts', 'src/memory-child.ts'],
  format: 'esm',
  target: 'node20',
  platform: 'node',
  clean: true,
  silent: true,
})
