import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { type OrtConfig, ort } from '@xpu-hal/backend-ort'
import { createHal, tensor } from '@xpu-hal/core'
import { afterAll, expect, test, vi } from 'vitest'
import { refusal } from '../../../test/fuzz.js'
import { identity, library } from './support.js'

const folder = mkdtempSync(join(tmpdir(), 'xpu-hal-ort-'))
afterAll(() => rmSync(folder, { recursive: true }))
const shell = `a b $(touch made) \`touch made\`; touch made\n"' & | *`

async function answer(config: OrtConfig, model: string | Uint8Array): Promise<unknown> {
  const hal = createHal({ backends: [ort(config)] })
  try {
    const engine = await hal.openEngine(model)
    const { y } = await engine.run({ x: tensor('float32', [2], [1, 2]) })
    return [...(y?.data ?? [])]
  } finally {
    await hal.close()
  }
}

const small = identity('float32', [2])

test('a library is looked for nowhere but where it was said', async () => {
  // Both are found by the loader of the system, which looks for names without a folder in places of its own.
  symlinkSync(library, join(folder, 'libelsewhere.so'))
  vi.stubEnv('LD_LIBRARY_PATH', folder)
  for (const name of ['libc.so.6', 'libelsewhere.so', join('no', 'libelsewhere.so')]) {
    const error = await refusal(() => answer({ library: name }, small), join(process.cwd(), name))
    expect(error).toMatchObject({ code: 'HAL_UNAVAILABLE' })
  }
  vi.unstubAllEnvs()
  expect(await answer({ library: relative(process.cwd(), library) }, small)).toEqual([1, 2])
})

test('what is no path, or no file, is refused by name and never waited for', async () => {
  for (const given of ['', 'a\0b', 1, null, {}]) {
    const error = await refusal(() => ort({ library: given as string }), 'library')
    expect(error).toMatchObject({ code: 'HAL_INVALID_ARGUMENT' })
  }
  const pipe = join(folder, 'pipe.so')
  if (process.platform !== 'win32') execFileSync('mkfifo', [pipe])
  for (const path of [folder, pipe]) {
    expect(await refusal(() => answer({ library: path }, small), path)).toMatchObject({
      code: 'HAL_UNAVAILABLE',
    })
  }
})

test.skipIf(process.platform === 'win32')(
  'paths full of words of a shell are paths and nothing else',
  async () => {
    const home = join(folder, shell)
    mkdirSync(home)
    const at = join(home, `${shell}.so`)
    const model = join(home, `${shell}.onnx`)
    copyFileSync(library, at)
    writeFileSync(model, small)
    expect(await answer({ library: at }, model)).toEqual([1, 2])
    for (const place of [process.cwd(), folder, home]) expect(existsSync(join(place, 'made'))).toBe(false)
  },
)
