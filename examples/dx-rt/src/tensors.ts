import type { Engine, Outputs, Tensor } from '@xpu-hal/core'

/** A tensor for each input of the model, 1 for each dimension that it leaves open; all elements are `value`. */
export function filledInputs(engine: Engine, value: number): Record<string, Tensor> {
  const entries = engine.inputs.map(({ name, shape }) => {
    const input = engine.allocate(name, sizes(shape))
    const { data } = input
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) data.fill(BigInt(value))
    else if (!Array.isArray(data)) data.fill(value)
    return [name, input]
  })
  return Object.fromEntries(entries)
}

/** A tensor for each output of the model. */
export function outputBuffers(engine: Engine): Record<string, Tensor> {
  return Object.fromEntries(
    engine.outputs.map(({ name, shape }) => [name, engine.allocate(name, sizes(shape))]),
  )
}

function sizes(shape: readonly number[]): number[] {
  return shape.map((size) => (size === -1 ? 1 : size))
}

/** Stands for the work of an application on the outputs: the position of the largest element of the first one. */
export function postProcess(outputs: Outputs): number {
  const data = Object.values(outputs)[0]?.data ?? []
  let best = 0
  for (let i = 1; i < data.length; i++) if ((data[i] ?? 0) > (data[best] ?? 0)) best = i
  return best
}
