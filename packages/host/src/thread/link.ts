import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import {
  HalError,
  type Model,
  type NumericData,
  type NumericDataType,
  type Tensor,
  viewData,
} from '@xpu-hal/core/backend'
import { Word } from '../worker/control.js'
import type { Link } from '../worker/link.js'
import type { Answer, BuffersMail, Mail, ModelMessage, Place, SlotsMessage } from '../worker/message.js'
import { weigh } from './ballast.js'
import { collectGarbage } from './garbage.js'

/** What main gives a worker thread at its birth. */
export interface WorkerSeed {
  /** URL of the runner module. */
  readonly module: string
  readonly control: Int32Array
}

/** How a worker thread is tied to main: by a port, and by SharedArrayBuffers. */
export class ThreadLink implements Link {
  readonly #buffers = new Map<number, SharedArrayBuffer>()

  constructor(
    private readonly port: MessagePort,
    readonly control: Int32Array,
  ) {}

  receive(): Mail {
    return receiveMessageOnPort(this.port)?.message as Mail
  }

  post(answer: Answer): void {
    this.port.postMessage(answer)
  }

  sleep(seen: number, timeout?: number): boolean {
    return Atomics.wait(this.control, Word.wake, seen, timeout) !== 'timed-out'
  }

  learn({ added, dropped }: BuffersMail): void {
    for (const [id, buffer] of added) {
      weigh(buffer)
      this.#buffers.set(id, buffer)
    }
    for (const id of dropped) this.#buffers.delete(id)
  }

  dataAt(dataType: NumericDataType, { address, byteOffset, length }: Place): NumericData {
    const buffer = this.#buffers.get(address)
    if (buffer === undefined)
      throw new HalError('HAL_INTERNAL', `buffer ${address} never reached the worker thread`)
    return viewData(dataType, buffer, byteOffset, length)
  }

  slotsAt({ at }: SlotsMessage): ArrayBufferLike {
    return at as SharedArrayBuffer
  }

  rest(): void {
    this.#buffers.clear()
    collectGarbage()
  }

  modelOf(model: ModelMessage): Model {
    return model as Model
  }

  share(outputs: readonly Tensor[]): readonly NumericData[] {
    return outputs.map((output) => {
      const data = ontoShared(output)
      weigh(data.buffer)
      return data
    })
  }
}

function ontoShared({ dataType, data }: Tensor): NumericData {
  const { buffer, byteOffset, byteLength, length } = data as NumericData
  if (buffer instanceof SharedArrayBuffer) return data as NumericData
  const copy = new SharedArrayBuffer(byteLength)
  new Uint8Array(copy).set(new Uint8Array(buffer, byteOffset, byteLength))
  return viewData(dataType as NumericDataType, copy, 0, length)
}
