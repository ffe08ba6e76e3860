import type { Engine, Inputs } from '@xpu-hal/core'
import type { Chosen } from './backends.js'
import { doubled, type NamedTensors } from './inputs.js'

/** The client whose first task is to go wrong: the first one that finds every worker taken, so that its task is queued. */
export function victim(engine: Engine, clients: number): number {
  return Math.min(Number(engine.options.workers), clients - 1)
}

/** Inputs for a task that fails: on the mock good ones, but its device fails with the next run that it gets. */
export function failing({ mock }: Chosen, inputs: NamedTensors): Inputs {
  if (mock === undefined) return doubled(inputs)
  mock.devices[0]?.inject({ fault: 'fail' })
  return inputs
}
