import type { Engine, Inputs } from '@xpu-hal/core'
import { postProcess } from './tensors.js'

/** What others are compared with: each run waits for the one before it. */
export async function oneByOne(engine: Engine, inputs: Inputs, loops: number): Promise<void> {
  for (let i = 0; i < loops; i++) postProcess(await engine.run(inputs))
}

export async function allAtOnce(engine: Engine, inputs: Inputs, loops: number): Promise<void> {
  const runs = Array.from({ length: loops }, () => engine.run(inputs))
  for (const outputs of await Promise.all(runs)) postProcess(outputs)
}
