import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, symlinkSync, truncateSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { reference } from './reference.js'
import { folder } from './support.js'

const root = fileURLToPath(new URL('..', import.meta.url))

/** The package as it is unpacked. Gives its folder. */
function unpacked(name: string): string {
  const copy = join(folder, name)
  mkdirSync(copy)
  for (const part of ['package.json', 'binding.gyp', 'dist', 'native']) {
    cpSync(join(root, part), join(copy, part), { recursive: true })
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  return copy
}

/** Runs a script of the package as a package manager does, where there is no compiler. */
function withoutCompiler(copy: string, script: string) {
  const PATH = [join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter)
  const env = { PATH, CC: 'no-such-cc', CXX: 'no-such-c++' }
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(copy, 'native', script)], {
    env,
    encoding: 'utf8',
  })
  return { status, said: stdout + stderr }
}

describe.runIf(process.platform === 'linux')('without a compiler', () => {
  test.each(['build.mjs', 'install.mjs'])(
    '%s says in one line what is missing, and fails nothing',
    (script) => {
      const { status, said } = withoutCompiler(unpacked(`bare-${script}`), script)
      expect(status).toBe(0)
      expect(said).toMatch(/^backend-npu: no native libraries .*'no-such-c\+\+' is not there\n$/)
    },
  )

  test.skipIf(reference() === undefined)('prebuilt libraries are taken as they are', () => {
    const copy = unpacked('prebuilt')
    const prebuilds = join(copy, 'prebuilds', `${process.platform}-${process.arch}`)
    cpSync(dirname(reference() ?? ''), prebuilds, { recursive: true })
    expect(withoutCompiler(copy, 'install.mjs')).toEqual({ status: 0, said: '' })
    expect(existsSync(join(copy, 'build'))).toBe(false)
  })

  test.skipIf(reference() === undefined)(
    'prebuilt libraries that do not load are not taken: the compiler is asked for',
    () => {
      const copy = unpacked('damaged')
      const prebuilds = join(copy, 'prebuilds', `${process.platform}-${process.arch}`)
      cpSync(dirname(reference() ?? ''), prebuilds, { recursive: true })
      truncateSync(join(prebuilds, 'libRuntimeLibrarySync.so'), 5000)
      const { status, said } = withoutCompiler(copy, 'install.mjs')
      expect(status).toBe(0)
      expect(said).toMatch(/^backend-npu: no native libraries .*'no-such-c\+\+' is not there\n$/)
    },
  )
})
