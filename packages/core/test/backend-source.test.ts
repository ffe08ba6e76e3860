import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Backend } from '../src/backend.ts'
import { createHal } from '../src/index.ts'
import { failure } from './fixtures/manual-backend.ts'

const made = (name: string) =>
  `() => ({ specVersion: 1, name: '${name}', version: '1', doDevices: async () => [] })`

/** Packages that a program could have installed: manifest and index file. */
const packages: Record<string, [manifest: object, file: string, code: string]> = {
  'fake-cjs': [{ main: 'index.cjs' }, 'index.cjs', `exports.createBackend = ${made('cjs')}`],
  'fake-opaque-cjs': [
    { main: 'index.cjs' },
    'index.cjs',
    `const make = () => ({ createBackend: ${made('opaque')} }); module.exports = make()`,
  ],
  'fake-esm': [
    { type: 'module', main: 'index.js' },
    'index.js',
    `export const createBackend = ${made('esm')}`,
  ],
  'fake-esm-only': [
    { type: 'module', exports: { '.': { import: { types: './index.d.ts', default: './index.js' } } } },
    'index.js',
    `export const createBackend = ${made('esm-only')}`,
  ],
  '@vendor/fake': [
    { type: 'module', exports: { import: './index.js', require: './index.js' } },
    'index.js',
    `export const createBackend = ${made('vendor')}`,
  ],
  'fake-nothing': [{ main: 'index.cjs' }, 'index.cjs', 'exports.other = 1'],
  'fake-no-backend': [{ main: 'index.cjs' }, 'index.cjs', 'exports.createBackend = () => ({})'],
  'fake-throws': [{ main: 'index.cjs' }, 'index.cjs', "throw new Error('libvendor.so: cannot open')"],
  'fake-refuses': [
    { main: 'index.cjs' },
    'index.cjs',
    "exports.createBackend = () => { throw new Error('no licence') }",
  ],
}

describe('a backend by package name', () => {
  let folder: string
  const [, entry] = process.argv
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'xpu-hal-packages-'))
    for (const [name, [manifest, file, code]] of Object.entries(packages)) {
      const home = join(folder, 'node_modules', name)
      mkdirSync(home, { recursive: true })
      writeFileSync(join(home, 'package.json'), JSON.stringify({ name, ...manifest }))
      writeFileSync(join(home, file), code)
    }
    process.argv[1] = join(folder, 'main.js')
  })
  afterAll(() => {
    if (entry !== undefined) process.argv[1] = entry
    rmSync(folder, { recursive: true })
  })

  const open = (name: string) => createHal({ backends: [name] }).devices()

  it.each(['fake-cjs', 'fake-opaque-cjs', 'fake-esm', 'fake-esm-only', '@vendor/fake'])(
    'is found beside the program: %s',
    async (name) => {
      expect(await open(name)).toEqual([])
    },
  )

  it('that is missing names every place that was tried', async () => {
    const error = await failure(open('fake-missing'))
    expect(error).toMatchObject({ code: 'HAL_NOT_FOUND', message: expect.stringContaining("'fake-missing'") })
    expect(error.message).toContain(folder)
    expect(error.message).toContain(process.cwd())
    expect(error.cause).toBeInstanceOf(Error)
  })

  it('that makes no backend is refused by name', async () => {
    const nothing = await failure(open('fake-nothing'))
    expect(nothing).toMatchObject({
      code: 'HAL_INVALID_ARGUMENT',
      message: expect.stringContaining('createBackend'),
    })
    const none = await failure(open('fake-no-backend'))
    expect(none).toBeInstanceOf(TypeError)
    expect(none.message).toContain("package 'fake-no-backend'")
  })

  it.each([
    ['fake-throws', 'libvendor.so'],
    ['fake-refuses', 'no licence'],
  ])('that cannot be loaded says so: %s', async (name, why) => {
    const error = await failure(open(name))
    expect(error.code).toBe('HAL_UNAVAILABLE')
    expect(error.message).toContain(`package '${name}'`)
    expect(error.message).toContain(why)
  })
})

describe('a backend that was passed', () => {
  const good: Backend = { specVersion: 1, name: 'x', version: '1', doDevices: async () => [] }
  const open = (backend: unknown) => createHal({ backends: [backend as Backend] }).devices()

  it.each([
    null,
    undefined,
    5,
    {},
    { ...good, doDevices: undefined },
    { ...good, name: undefined },
    { ...good, name: '' },
  ])('is refused with a TypeError when it is none: %o', async (backend) => {
    expect(await failure(open(backend))).toBeInstanceOf(TypeError)
  })

  it.each([0, 2, undefined])('is refused when it is written for version %s', async (specVersion) => {
    const error = await failure(open({ ...good, specVersion }))
    expect(error).toMatchObject({
      code: 'HAL_INVALID_ARGUMENT',
      message: expect.stringContaining(`${specVersion}`),
    })
  })

  it('is refused when another has its name', async () => {
    const error = await failure(createHal({ backends: [good, { ...good }] }).devices())
    expect(error).toMatchObject({ code: 'HAL_INVALID_ARGUMENT', message: expect.stringContaining("'x'") })
  })
})
