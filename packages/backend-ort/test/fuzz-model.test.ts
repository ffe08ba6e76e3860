import { ort } from '@xpu-hal/backend-ort'
import { createHal, HalError, type Tensor, tensor } from '@xpu-hal/core'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { damaged } from '../../../test/damage.js'
import { fuzz, refusal } from '../../../test/fuzz.js'
import { model } from './support.js'

if (process.platform !== 'linux') console.log("skipped: isolation 'process' needs Linux")

const value = (name: string) => ({ name, dataType: 'float32', shape: ['n', 2] }) as const
const sum = model(
  [value('x')],
  [value('z')],
  [
    { op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] },
    { op: 'Concat', inputs: ['y', 'x'], outputs: ['c'], attributes: { axis: { int: 1 } } },
    { op: 'ReduceSum', inputs: ['c', 'axes'], outputs: ['r'] },
    { op: 'Add', inputs: ['r', 'y'], outputs: ['z'] },
  ],
  { initializers: { w: tensor('float32', [2, 2], [1, 0, 0, 1]), axes: tensor('int64', [1], [1n]) } },
)
/** Nothing between what fits everywhere and what fits nowhere. */
const huge = fc.bigInt({ min: -3n, max: 3n }).chain((n) => fc.constantFrom(n, n * 2n ** 48n, n * 2n ** 61n))
/** Whole files that ask for what cannot be. */
const odd = fc
  .record({
    op: fc.constantFrom(
      'Reshape',
      'Expand',
      'Tile',
      'Gather',
      'Pad',
      'Unsqueeze',
      'ReduceSum',
      'Split',
      'None',
    ),
    to: fc.array(huge, { maxLength: 9 }),
    shape: fc.array(fc.constantFrom(-1, 0, 1, 2, 2 ** 40, 2 ** 53, 'n', ''), { maxLength: 9 }),
  })
  .map(({ op, to, shape }) =>
    model(
      [value('x')],
      [{ name: 'z', dataType: 'float32', shape }],
      [{ op, inputs: ['x', 'to'], outputs: ['z'] }],
      {
        initializers: { to: tensor('int64', [to.length], to) },
      },
    ),
  )
const x = () => tensor('float32', [1, 2], [3, 4])

test.skipIf(process.platform !== 'linux')(
  'ONNX Runtime takes a damaged model, or it is refused; where it crashes, only its worker process dies',
  async () => {
    const hal = createHal({ backends: [ort()] })
    onTestFinished(() => hal.close())
    let opened = 0
    let crashed = 0
    const isCrash = (error: Error | undefined) =>
      HalError.isInstance(error) && error.code === 'HAL_DEVICE_LOST' ? 1 : 0
    await fuzz(40, fc.oneof(damaged(sum), odd), async (bytes) => {
      const error = await refusal(async () => {
        await using engine = await hal.openEngine({ name: 'damaged', bytes }, { isolation: 'process' })
        opened++
        const inputs = engine.inputs.map(({ dataType }) =>
          dataType === 'float32' ? x() : tensor(dataType, [1, 2]),
        )
        crashed += isCrash(await refusal(() => engine.run(inputs, { timeout: 20_000 }), ''))
      }, '')
      crashed += isCrash(error)
    })
    console.log(`${opened} were taken, ${crashed} crashed ONNX Runtime`)
    await using engine = await hal.openEngine({ name: 'sum', bytes: sum }, { isolation: 'process' })
    const { z } = await engine.run({ x: x() })
    expect([...(z as Tensor<'float32'>).data]).toEqual([17, 18])
  },
  120_000,
)
