import { readdirSync } from 'node:fs'
import { type Isolation, tensor } from '@xpu-hal/core'
import { describe, expect, test } from 'vitest'
import { engineOn, file, model, ownTemporaryFolder, runtime } from './support.js'

const library = runtime() as string
let home: string
ownTemporaryFolder((made) => (home = made))

const x = (value: number) => ({ x: tensor('float32', [1, 2], [value, value]) })

describe.skipIf(library === undefined).each<Isolation>(['thread', 'process'])(
  'a clone, isolation %s',
  (isolation) => {
    test('has an instance of its own, and says that it does not share the weights', async () => {
      await using on = await engineOn({ library }, { isolation })
      const clones = [await on.engine.clone(), await on.engine.clone()]
      const all = [on.engine, ...clones]
      expect(all.map(({ sharesWeights }) => sharesWeights)).toEqual([false, false, false])
      const answers = await Promise.all(all.map((engine, i) => engine.run(x(i))))
      expect(answers.map(({ x_out: y }) => Number(y?.data[0]))).toEqual([0, 1, 2])
    })

    test('starts from the file of the bytes that the original was opened with, which goes with the last of them', async () => {
      const bytes = model.slice()
      await using on = await engineOn({ library }, { isolation }, { name: 'net.acme', bytes })
      const [only = ''] = readdirSync(home)
      bytes.fill(0)
      const clone = await on.engine.clone()
      expect(readdirSync(home)).toEqual([only])
      await on.engine.close()
      expect(readdirSync(home)).toEqual([only])
      const third = await clone.clone()
      await clone.close()
      expect(Number((await third.run(x(7))).x_out?.data[0])).toBe(7)
      await third.close()
      expect(readdirSync(home)).toEqual([])
    })

    test('of an engine on a model file loads that file', async () => {
      await using on = await engineOn({ library }, { isolation }, file(`clone-${isolation}.onnx`, model))
      const clone = await on.engine.clone()
      await on.engine.close()
      expect(readdirSync(home)).toEqual([])
      expect(Number((await clone.run(x(3))).x_out?.data[0])).toBe(3)
    })
  },
)
