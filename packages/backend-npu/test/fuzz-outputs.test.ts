import { rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Outputs, tensor } from '@xpu-hal/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fuzz, nastyName, refusal } from '../../../test/fuzz.ts'
import { reference } from './reference.ts'
import { engineOn, folder } from './support.ts'

const built = reference()
const library = join(dirname(built ?? ''), 'libFaultyRuntime.so')

const word = fc.oneof(
  { weight: 3, arbitrary: fc.bigInt({ min: 0n, max: 9n }) },
  fc.constantFrom(2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 60n, 2n ** 63n, 2n ** 64n - 1n),
)
const room = fc.oneof(fc.constantFrom(8, 0), fc.nat(100))

/** Words of what the faulty runtime says in place of an answer, and the name that follows them. */
const answer = fc
  .record({
    count: fc.oneof({ weight: 6, arbitrary: fc.constant(1n) }, word),
    type: fc.oneof({ weight: 3, arbitrary: fc.constant(1n) }, fc.bigInt({ min: 0n, max: 30n }), word),
    rank: fc.oneof({ weight: 3, arbitrary: fc.constant(2n) }, word),
    dimensions: fc.oneof(
      fc.constant([1n, 2n]),
      fc.tuple(fc.constant(1n), fc.bigInt({ min: 0n, max: 25n })),
      fc.array(word, { maxLength: 8 }),
    ),
    bytes: room,
    shape: fc.oneof({ weight: 4, arbitrary: fc.constant(8) }, room),
    nothing: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, fc.nat(127)),
    name: fc.oneof({ weight: 3, arbitrary: fc.constant('x_out') }, nastyName),
  })
  .map(({ count, type, rank, dimensions, bytes, shape, nothing, name }) => {
    const dims = Array.from({ length: 8 }, (_, i) => dimensions[i] ?? 1n)
    const text = Buffer.from(name)
    const sizes = [bytes, shape, text.length, nothing].map(BigInt)
    return Buffer.concat([
      new Uint8Array(BigUint64Array.of(count, type, rank, ...dims, ...sizes).buffer),
      text,
    ])
  })

test.skipIf(built === undefined)(
  'whatever a runtime answers, the run settles and the next one is right',
  async () => {
    const path = join(folder, 'answer')
    await using opened = await engineOn({ library, args: { answer: path, output: 'x_out' } })
    const { engine } = opened
    const x = tensor('float32', [1, 2], [1, 2])
    const run = (): Promise<Outputs> => engine.run({ x })
    let taken = 0
    let refused = 0
    await fuzz(1500, answer, async (bytes) => {
      writeFileSync(path, bytes)
      const error = await refusal(async () => {
        const { x_out, ...others } = await run()
        expect(others).toEqual({})
        expect(x_out?.dataType).toBe('float32')
        expect(x_out?.data).toHaveLength(x_out?.shape.reduce((product, size) => product * size, 1) ?? -1)
        taken++
      }, 'answer')
      if (error !== undefined) {
        expect(error).toMatchObject({ code: 'HAL_DATA_LOSS' })
        refused++
      }
      rmSync(path)
      expect([...((await run()).x_out?.data ?? [])]).toEqual([2, 4])
    })
    expect(Math.min(taken, refused)).toBeGreaterThan(100)
    expect(engine.load).toBe(0)
  },
  120_000,
)
