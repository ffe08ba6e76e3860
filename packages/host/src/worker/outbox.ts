import type { DriverRun, NumericData, NumericDataType, SyncRequest, Tensor } from '@xpu-hal/core/backend'
import { stringBytes } from '../string.js'
import type { RequestMessage, TensorMessage } from './message.js'
import type { RemoteWorker } from './remote-worker.js'
import type { Slots } from './slots.js'

type OutgoingRun = SyncRequest & Pick<DriverRun, 'job' | 'lend'>

/** Puts runs where a worker finds them; it reads them with an Inbox. */
export class Outbox {
  #order = 0

  constructor(
    private readonly worker: RemoteWorker,
    private readonly slots: Slots,
    /** Whether slots can describe requests: not where the model's inputs have no names before the run. */
    private readonly inputsKnown: boolean,
  ) {}

  /** Fills a free slot, and gives the bytes of strings that were copied. `order`: the lowest is taken first. */
  write(slot: number, run: OutgoingRun, order = ++this.#order): number {
    const letter = !this.inputsKnown || run.inputs.some(isString) || run.outputs.some(isString)
    const { job } = run
    const lend = run.lend === true && this.worker.lends
    this.slots.writeRequest(slot, order, { job, lend }, letter)
    if (letter) {
      const request = this.#describe(run)
      this.worker.flush()
      this.worker.post({ kind: 'request', slot, request })
      return run.inputs.reduce((bytes, input) => bytes + stringBytes(input), 0)
    }
    let position = 0
    for (const input of run.inputs) this.#writeTensor(slot, position++, input)
    for (const output of run.outputs) this.#writeTensor(slot, position++, output)
    this.worker.flush()
    return 0
  }

  #describe({ inputs, inputNames, outputs }: OutgoingRun): RequestMessage {
    return {
      inputs: inputs.map((input) => this.#message(input)),
      inputNames,
      outputs: outputs.map((output) => output && this.#message(output)),
    }
  }

  #message({ dataType, shape, data }: Tensor): TensorMessage {
    if (dataType === 'string') return { dataType, shape, data: data as readonly string[] }
    const { buffer, byteOffset, length } = data as NumericData
    const address = this.worker.addressOf(buffer)
    return { dataType: dataType as NumericDataType, shape, address, byteOffset, length }
  }

  #writeTensor(slot: number, position: number, tensor: Tensor | undefined): void {
    const address = tensor === undefined ? 0 : this.worker.addressOf((tensor.data as Uint8Array).buffer)
    this.slots.writeTensor(slot, position, tensor, address)
  }
}

function isString(tensor: Tensor | undefined): boolean {
  return tensor?.dataType === 'string'
}
