import type { Answer } from '@xpu-hal/example-gauges'
import type { Arguments } from './arguments.js'

/** What is read, and with what. */
export interface Task extends Pick<Arguments, 'processes' | 'kill' | 'mapWeights' | 'backend'> {
  readonly model: string
  /** The first pictures of a process take longer: these are read before. */
  readonly images: readonly string[]
  readonly pictures: readonly string[]
}

export interface Done {
  readonly answers: readonly Answer[]
  readonly ms: number
  /** Of the processes, for whoever reads. */
  readonly report: string
}
