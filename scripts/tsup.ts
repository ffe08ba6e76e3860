import { defineConfig } from 'tsup'

const common = { target: 'node20', platform: 'node', sourcemap: true, clean: true, silent: true } as const

/** The build every package shares: ES modules and CommonJS, each with its own types. */
export function library(entry: Record<string, string>) {
  // shims: gives the CommonJS build an import.meta.url.
  return defineConfig({ ...common, entry, format: ['esm', 'cjs'], dts: true, shims: true })
}

/** The build of what is run, not imported. */
export function program(entry: Record<string, string>) {
  return defineConfig({ ...common, entry, format: ['esm'] })
}
