import { tensor } from '@xpu-hal/core'
import { expect, test } from 'vitest'
import { engineOn, runtime } from './support.js'

const library = runtime('-DRETURNS')

test.skipIf(library === undefined)(
  'outputs go back to a runtime that has runtime_return_output, from runs and callbacks',
  async () => {
    await using on = await engineOn({ library: library as string })
    const seen: unknown[] = []
    on.engine.registerCallback(({ x_out }) => {
      seen.push(x_out)
    })
    const x = tensor('float32', [1, 2], [1, 2])
    for (let i = 0; i < 20; i++) {
      expect(await on.engine.run({ x })).toEqual({ x_out: x })
      await on.engine.runAsync({ x }, i)
      while (on.engine.load > 0) await new Promise(setImmediate)
    }
    expect(seen).toEqual(Array.from({ length: 40 }, () => x))
  },
)
