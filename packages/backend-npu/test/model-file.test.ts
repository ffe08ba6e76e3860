import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { engineOn, file, model, ownTemporaryFolder, runtime } from './support.js'

const library = runtime() as string
let home: string
ownTemporaryFolder((made) => (home = made))

describe.skipIf(library === undefined)('the bytes of a model', () => {
  test('lie in one file, for this user alone, until the engine is closed', async () => {
    {
      await using on = await engineOn({ library, instances: 2 }, {}, { name: 'net.acme', bytes: model })
      expect(on.engine.model).toBe('net.acme')
      const [only, ...more] = readdirSync(home)
      expect(more).toEqual([])
      const path = join(home, only as string, 'model.acme')
      expect(statSync(path).mode & 0o777).toBe(0o600)
      expect(statSync(join(home, only as string)).mode & 0o777).toBe(0o700)
      expect(readFileSync(path).equals(model)).toBe(true)
    }
    expect(readdirSync(home)).toEqual([])
  })

  test.each([
    ['initialization fails', { args: { fault: 'initialization' } }, 'HAL_INTERNAL'],
    ['the runtime refuses the model', { args: { fault: 'model' } }, 'HAL_INTERNAL'],
    [
      'it takes no arguments',
      { library: runtime('-DNO_ARGS') as string, args: { a: 'b' } },
      'HAL_UNIMPLEMENTED',
    ],
  ])('leave nothing where %s', async (_, config, code) => {
    await expect(engineOn({ library, ...config }, {}, model)).rejects.toMatchObject({ code })
    expect(readdirSync(home)).toEqual([])
  })

  test.each(['thread', 'process'])(
    'leave nothing where the process exits with the engine open, isolation %s',
    (isolation) => {
      const program = `
      import { npu } from '@xpu-hal/backend-npu'
      import { createHal } from '@xpu-hal/core'
      const hal = createHal({ backends: [npu({ library: ${JSON.stringify(library)} })] })
      await hal.openEngine(Uint8Array.from(${JSON.stringify([...model])}), { isolation: '${isolation}' })
      process.exit(5)`
      const { status } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
        cwd: dirname(fileURLToPath(import.meta.url)),
        stdio: 'inherit',
      })
      expect(status).toBe(5)
      expect(readdirSync(home)).toEqual([])
    },
  )

  test('that cannot be written are named, with the way out', async () => {
    process.env.TMPDIR = file('no folder', '')
    await expect(engineOn({ library }, {}, { name: 'net.acme', bytes: model })).rejects.toMatchObject({
      code: 'HAL_UNAVAILABLE',
      message: expect.stringMatching(/model net\.acme from cannot be written: .*TMPDIR/),
    })
  })
})
