import { defineConfig } from 'tsup'

/** The build every package shares: ES modules and CommonJS, each with its own types. */
export function library(entry: Record<string, string>) {
  return defineConfig({
    entry,
    format: ['esm', 'cjs'],
    target: 'node20',
    platform: 'node',
    dts: true,
    // Gives the CommonJS build an import.meta.url.
    shims: true,
    sourcemap: true,
    clean: true,
    silent: true,
  })
}
