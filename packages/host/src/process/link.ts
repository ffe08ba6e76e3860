import {
  bytesPerElement,
  HalError,
  type Model,
  type NumericData,
  type NumericDataType,
  type Tensor,
  viewData,
} from '@xpu-hal/core/backend'
import { Word } from '../worker/control.js'
import type { Link } from '../worker/link.js'
import type { Answer, Mail, ModelMessage, Place, SlotsMessage } from '../worker/message.js'
import type { ChildChannel } from './child-channel.js'
import type { MappedMemory } from './mapped-memory.js'
import type { ProcessAnswer, ProcessMail, RoomMail } from './message.js'

/** How a worker process is tied to main: by a channel, and by memory that both have mapped. */
export class ProcessLink implements Link {
  /** Came while this was waiting for room. */
  readonly #early: Mail[] = []

  constructor(
    private readonly channel: ChildChannel,
    private readonly memory: MappedMemory,
    readonly control: Int32Array,
  ) {}

  receive(): Mail {
    return this.#early.shift() ?? (this.channel.read() as Mail)
  }

  post(answer: Answer): void {
    if (answer === 0) this.channel.bell()
    else this.#send(answer)
  }

  sleep(seen: number, timeout = Number.POSITIVE_INFINITY): boolean {
    const { control, channel } = this
    const until = performance.now() + timeout
    for (;;) {
      Atomics.store(control, Word.asleep, 1)
      if (Atomics.load(control, Word.wake) !== seen) break
      const left = until - performance.now()
      if (left <= 0) break
      channel.wait(left === Number.POSITIVE_INFINITY ? undefined : left)
    }
    Atomics.store(control, Word.asleep, 0)
    return Atomics.load(control, Word.wake) !== seen
  }

  learn(): void {}

  rest(): void {}

  dataAt(dataType: NumericDataType, { address, byteOffset, length }: Place): NumericData {
    const bytes = length * bytesPerElement(dataType)
    const buffer = length === 0 ? new ArrayBuffer(0) : this.memory.view(address + byteOffset, bytes)
    return viewData(dataType, buffer, 0, length)
  }

  slotsAt({ at, bytes }: SlotsMessage): ArrayBufferLike {
    return this.memory.view(at as number, bytes)
  }

  modelOf(model: ModelMessage): Model {
    if (model.kind !== 'mapped') return model
    const bytes = new Uint8Array(this.memory.view(model.address, model.length))
    return { kind: 'bytes', name: model.name, bytes }
  }

  share(outputs: readonly Tensor[]): readonly Place[] {
    const sources = outputs.map(({ data }) => data as NumericData)
    this.#send({ kind: 'room', bytes: sources.map(({ byteLength }) => byteLength) })
    const { addresses, error } = this.#room()
    if (error !== undefined) throw new HalError('HAL_RESOURCE_EXHAUSTED', error)
    return sources.map(({ buffer, byteOffset, byteLength, length }, i) => {
      const address = addresses[i] as number
      if (byteLength > 0) {
        const room = new Uint8Array(this.memory.view(address, byteLength))
        room.set(new Uint8Array(buffer, byteOffset, byteLength))
      }
      return { address, byteOffset: 0, length }
    })
  }

  #send(answer: ProcessAnswer): void {
    this.channel.send(answer)
  }

  #room(): RoomMail {
    for (;;) {
      const mail = this.channel.read() as ProcessMail
      if (mail.kind === 'room') return mail
      this.#early.push(mail)
    }
  }
}
