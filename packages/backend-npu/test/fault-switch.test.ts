import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { tensor } from '@xpu-hal/core'
import { describe, expect, test } from 'vitest'
import { reference } from './reference.js'
import { engineOn, file, folder } from './support.js'

const built = reference()
const natives = dirname(built ?? '')

describe.skipIf(built === undefined)(
  'a fault of the faulty runtime strikes while its switch is there',
  () => {
    test.each(['libFaultyRuntime.so', 'libFaultyRuntimeOld.so'])('%s', async (name) => {
      const on = join(folder, `${name}.switch`)
      const args = { fault: 'null_data', every: '1', output: 'x_out', switch: on }
      await using opened = await engineOn({ library: join(natives, name), args })
      const x = tensor('float32', [1, 2], [3, 4])
      for (const faulty of [false, true, false]) {
        if (faulty) file(`${name}.switch`, '')
        else rmSync(on, { force: true })
        const run = opened.engine.run({ x })
        if (faulty) await expect(run).rejects.toMatchObject({ code: 'HAL_DATA_LOSS' })
        else expect(await run).toEqual({ x_out: tensor('float32', [1, 2], [6, 8]) })
      }
    })
  },
)
