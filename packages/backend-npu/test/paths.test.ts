import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { basename, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tensor } from '@xpu-hal/core'
import { expect, test } from 'vitest'
import { refusal } from '../../../test/fuzz.ts'
import { engineOn, folder, model, runtime } from './support.ts'

const library = runtime()
const shell = `a b $(touch made) \`touch made\`; touch made\n"' & | *`

test.skipIf(library === undefined)('paths full of words of a shell are paths and nothing else', async () => {
  const home = mkdtempSync(join(folder, 'shell-'))
  mkdirSync(join(home, shell))
  const at = join(home, shell, `${shell}.so`)
  copyFileSync(library as string, at)
  const path = join(home, shell, `${shell}.onnx`)
  writeFileSync(path, model)
  await using opened = await engineOn({ library: at }, {}, path)
  const { x_out } = await opened.engine.run({ x: tensor('float32', [1, 2], [1, 2]) })
  expect([...(x_out?.data ?? [])]).toEqual([1, 2])
  for (const place of [process.cwd(), home, join(home, shell)])
    expect(existsSync(join(place, 'made'))).toBe(false)
})

test.skipIf(library === undefined)('a library is looked for nowhere but where it was said', async () => {
  const name = basename(library as string)
  const before = process.env.LD_LIBRARY_PATH
  process.env.LD_LIBRARY_PATH = folder
  try {
    for (const library of [name, 'libc.so.6', 'libm.so.6', join('no', name)]) {
      const error = await refusal(() => engineOn({ library }), join(process.cwd(), library))
      expect(error).toMatchObject({ code: 'HAL_UNAVAILABLE' })
    }
  } finally {
    if (before === undefined) delete process.env.LD_LIBRARY_PATH
    else process.env.LD_LIBRARY_PATH = before
  }
  await using opened = await engineOn({ library: relative(process.cwd(), library as string) })
  expect(opened.engine).toBeDefined()
})

test('nothing that is published starts a shell', () => {
  const packages = fileURLToPath(new URL('../../', import.meta.url))
  const files = readdirSync(packages).flatMap((name) =>
    ['src', 'native'].flatMap((part) => {
      const root = join(packages, name, part)
      if (!existsSync(root)) return []
      return readdirSync(root, { recursive: true, encoding: 'utf8' }).map((file) => join(root, file))
    }),
  )
  const starting = files
    .filter((file) => /\.[cm]?[jt]s$/.test(file))
    .map((file) => [file, readFileSync(file, 'utf8')] as const)
    .filter(([, text]) => text.includes('child_process'))
  expect(starting.length).toBeGreaterThan(0)
  for (const [file, text] of starting) {
    expect(text, file).not.toMatch(/shell\s*:|\bexec(Sync)?\s*[,}(]/)
  }
})
