import { type Engine, elementCount, type Tensor, tensor } from '@xpu-hal/core'

export type NamedTensors = Readonly<Record<string, Tensor>>

/**
 * A tensor for each input of the model, 1 for each dimension that it leaves open: waves between -1 and 1, others for another
 * `seed`; zeros where it takes no floats.
 */
export function sampleInputs({ inputs }: Pick<Engine, 'inputs'>, seed: number): NamedTensors {
  const entries = inputs.map(({ name, dataType, shape }) => {
    const sizes = shape.map((size) => (size === -1 ? 1 : size))
    const count = elementCount(sizes) ?? 0
    const isFloat = dataType === 'float32' || dataType === 'float64'
    const waves = isFloat ? Array.from({ length: count }, (_, i) => Math.sin(i / 7 + seed)) : undefined
    return [name, tensor(dataType, sizes, waves)] as const
  })
  return Object.fromEntries(entries)
}

/** Two of each where the model expects one. */
export function doubled(inputs: NamedTensors): NamedTensors {
  const entries = Object.entries(inputs).map(
    ([
      name,
      {
        dataType,
        shape: [first = 1, ...rest],
      },
    ]) => {
      return [name, tensor(dataType, [2 * first, ...rest])] as const
    },
  )
  return Object.fromEntries(entries)
}
