import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { referenceLibrary } from '@xpu-hal/backend-npu'
import { expect, test } from 'vitest'
import { reference } from './reference.js'
import { folder } from './support.js'

const root = fileURLToPath(new URL('..', import.meta.url))

/** A copy of the package without natives. Gives its folder. */
function bare(name: string): string {
  const copy = join(folder, name)
  mkdirSync(copy)
  cpSync(join(root, 'package.json'), join(copy, 'package.json'))
  cpSync(join(root, 'dist'), join(copy, 'dist'), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  return copy
}

/** What `referenceLibrary` of the package in that folder gives or throws, asked through `require` and `import`. */
function ask(copy: string): string[] {
  const print = (load: string) =>
    `${load}.then(m => console.log(m.referenceLibrary())).catch(e => console.log(e.code, e.message))`
  return [
    `Promise.resolve(require('${join(copy, 'dist/index.cjs')}'))`,
    `import('${join(copy, 'dist/index.js')}')`,
  ].map((load) => execFileSync(process.execPath, ['-e', print(load)], { encoding: 'utf8' }).trim())
}

const current = reference()

test.skipIf(current === undefined)('gives a runtime of each form', () => {
  const paths = [referenceLibrary(), referenceLibrary('current'), referenceLibrary('older')]
  for (const path of paths) {
    expect(isAbsolute(path)).toBe(true)
    expect(existsSync(path)).toBe(true)
  }
  expect(new Set(paths).size).toBe(2)
})

test('another form is refused by name', () => {
  expect(() => referenceLibrary('newer' as 'older')).toThrow(/'newer'.*'current' and 'older'/)
})

test.runIf(process.platform === 'linux')('where it is not built, the error says what to run', () => {
  const copy = bare('not-built')
  for (const said of ask(copy)) {
    expect(said).toMatch(/^HAL_UNAVAILABLE libRuntimeLibrary\.so is not built/)
    expect(said).toContain(join(copy, 'native', 'build.mjs'))
  }
})

test('what was compiled goes before what was shipped', () => {
  const copy = bare('both')
  for (const place of [join('prebuilds', `${process.platform}-${process.arch}`), join('build', 'Release')]) {
    const library = join(copy, place, 'libRuntimeLibrary.so')
    mkdirSync(join(library, '..'), { recursive: true })
    writeFileSync(library, '')
    expect(ask(copy)).toEqual([library, library])
  }
})
