import { type Engine, type Inputs, type Outputs, type Tensor, tensor } from '@xpu-hal/core'
import { encodeModel } from '@xpu-hal/onnx'
import type { Random } from './random.js'

const COUNT = 16

/** `y` = `x` + `x`, of so many elements. */
export function double(elements: number): Uint8Array {
  return encodeModel({
    opset: 17,
    graph: {
      name: 'double',
      inputs: [{ name: 'x', dataType: 'float32', shape: [elements] }],
      outputs: [{ name: 'y', dataType: 'float32', shape: [elements] }],
      nodes: [{ op: 'Add', inputs: ['x', 'x'], outputs: ['y'] }],
    },
  })
}

export interface Sample {
  readonly input: Tensor<'float32'>
  readonly expected: Float32Array
}

/** A third each in memory of the engine, in other shared memory, and in memory that no worker reaches. */
export function prepare(engine: Engine, elements: number): Sample[] {
  return Array.from({ length: COUNT }, (_, i) => {
    // Whole numbers: their sums are exact.
    const values = Float32Array.from({ length: elements }, (_, k) => i * 4096 + (k % 4096))
    const input = [
      () => {
        const allocated = engine.allocate('x') as Tensor<'float32'>
        allocated.data.set(values)
        return allocated
      },
      () => tensor('float32', [elements], values),
      () => ({ dataType: 'float32', shape: [elements], data: values }) as const,
    ][i % 3] as () => Tensor<'float32'>
    return { input: input(), expected: values.map((value) => value + value) }
  })
}

/** In one of the forms that an engine takes. */
export function inputsOf({ input }: Sample, random: Random): Inputs {
  const { buffer, byteOffset, byteLength } = input.data
  return random.pick<Inputs>([{ x: input }, [input], new Uint8Array(buffer, byteOffset, byteLength)])
}

export function isRight({ y }: Outputs, { expected }: Sample): boolean {
  const data = y?.data
  if (!(data instanceof Float32Array) || data.length !== expected.length) return false
  for (let i = 0; i < data.length; i++) if (data[i] !== expected[i]) return false
  return true
}
