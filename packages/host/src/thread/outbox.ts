import type { DriverRun, SyncRequest, Tensor } from '@xpu-hal/core/backend'
import { stringBytes } from '../string.js'
import { weighTensor } from './ballast.js'
import type { Slots } from './slots.js'
import type { WorkerThread } from './worker-thread.js'

/** Puts runs where a worker finds them; it reads them with an Inbox. */
export class Outbox {
  #order = 0

  constructor(
    private readonly thread: WorkerThread,
    private readonly slots: Slots,
    /** Whether slots can describe requests: not where the model's inputs have no names before the run. */
    private readonly inputsKnown: boolean,
  ) {}

  /** Fills a free slot, and gives the bytes of strings that were copied. */
  write(slot: number, run: DriverRun): number {
    const letter = !this.inputsKnown || run.inputs.some(isString) || run.outputs.some(isString)
    this.slots.writeRequest(slot, ++this.#order, run, letter)
    if (letter) {
      this.thread.post({ kind: 'request', slot, request: plain(run) })
      return run.inputs.reduce((bytes, input) => bytes + stringBytes(input), 0)
    }
    let position = 0
    for (const input of run.inputs) this.#writeTensor(slot, position++, input)
    for (const output of run.outputs) this.#writeTensor(slot, position++, output)
    const news = this.thread.buffers.news()
    if (news !== undefined) this.thread.post(news)
    return 0
  }

  #writeTensor(slot: number, position: number, tensor: Tensor | undefined): void {
    const id = tensor === undefined ? 0 : this.thread.buffers.idOf((tensor.data as Uint8Array).buffer)
    this.slots.writeTensor(slot, position, tensor, id)
  }
}

function isString(tensor: Tensor | undefined): boolean {
  return tensor?.dataType === 'string'
}

/** A request with nothing but what survives structured cloning. */
function plain(request: SyncRequest): SyncRequest {
  const bare = ({ dataType, shape, data }: Tensor): Tensor => {
    const copy = { dataType, shape, data }
    weighTensor(copy)
    return copy
  }
  return {
    inputs: request.inputs.map(bare),
    inputNames: request.inputNames,
    outputs: request.outputs.map((output) => output && bare(output)),
  }
}
