import { fstatSync } from 'node:fs'
import { Socket } from 'node:net'
import { deserialize } from 'node:v8'
import { now } from '@xpu-hal/core/backend'
import { Channel } from '../src/process/channel.js'
import type { ProcessEnd } from '../src/process/child.js'
import { type Arrival, BELL, bell, FrameReader, jsonFrame } from '../src/process/frames.js'
import { MappedMemory } from '../src/process/mapped-memory.js'
import type { ProcessMail, ProcessSeed } from '../src/process/message.js'
import { socketPair } from '../src/process/native/descriptor.js'
import { CONTROL_BYTES, Word } from '../src/worker/control.js'
import type { Mail } from '../src/worker/message.js'
import { Slots, State } from '../src/worker/slots.js'

/** What a puppet does with the next run in place of answering it. */
export type Script = (puppet: Puppet, slot: number) => void

/** One float32 input and output of four elements each. */
export const honest = {
  inputs: [{ name: 'x', dataType: 'float32', shape: [4] }],
  outputs: [{ name: 'y', dataType: 'float32', shape: [4] }],
  outputShapes: 'exact',
}

/** What the next puppets do, and all that there are. */
export const stage: { reply: unknown; script: Script | undefined; puppets: Puppet[] } = {
  reply: { value: honest },
  script: undefined,
  puppets: [],
}

let memory: { of: number; mapped: MappedMemory } | undefined

/**
 * Stands for a worker process where main expects one, in this thread: thousands of lives a minute. Does what a worker does,
 * until it gets a script.
 */
export class Puppet {
  readonly channel: Channel
  readonly exited: Promise<ProcessEnd>
  readonly pid = 0
  slots = new Slots(new ArrayBuffer(0), 0, 0)
  control = new Int32Array(Word.count)
  readonly #socket: Socket
  readonly #frames = new FrameReader()
  #die: (end: ProcessEnd) => void = () => {}
  #seeded = false

  constructor(
    _entry: URL,
    private readonly arenaFd: number,
  ) {
    const [ours, theirs] = socketPair()
    this.channel = new Channel(ours)
    this.#socket = new Socket({ fd: theirs })
    this.#socket.on('data', (bytes) => this.#read(bytes)).on('error', () => {})
    const died = new Promise<ProcessEnd>((resolve) => {
      this.#die = resolve
    })
    this.exited = died.then(async (end) => {
      this.#socket.destroy()
      await this.channel.closed
      return end
    })
    stage.puppets.push(this)
  }

  kill(): void {
    this.#die({ code: null, signal: 'SIGKILL' })
    this.#socket.destroy()
  }

  ref(): void {}

  unref(): void {}

  /** Bytes on the wire, whatever they are. */
  write(bytes: Uint8Array): void {
    if (!this.#socket.destroyed) this.#socket.write(bytes)
  }

  /** Reads nothing any more. */
  deaf(): void {
    this.#socket.pause()
  }

  /** JSON that a worker would not send: it is not checked here. */
  tell(json: string): void {
    const frame = Buffer.from(`    ${json}`)
    frame.writeUInt32LE(frame.length - 4)
    this.write(frame)
  }

  say(message: unknown): void {
    this.write(jsonFrame(JSON.stringify(message) ?? 'null'))
  }

  answer(slot: number): void {
    try {
      const [x, y] = [0, 1].map((position) => this.#tensor(slot, position))
      if (x !== undefined) y?.set(x)
    } catch {
      // It has scribbled over its own request.
      this.kill()
      return
    }
    this.slots.writeAnswer(slot, { startedAt: now(), endedAt: now(), bytesCopied: 0 }, false)
    this.slots.setState(slot, State.done)
    this.write(BELL)
  }

  #tensor(slot: number, position: number): Float32Array | undefined {
    const tensor = this.slots.readTensor(slot, position)
    return tensor && new Float32Array(this.#memory().view(tensor.address + tensor.byteOffset, 16))
  }

  #memory(): MappedMemory {
    if (memory === undefined) throw new Error('the puppet has no memory yet')
    return memory.mapped
  }

  #read(bytes: Uint8Array): void {
    const arrived: Arrival[] = []
    this.#frames.read(bytes, arrived)
    for (const body of arrived) {
      if (body !== bell) this.#obey(deserialize(body))
    }
    this.#serve()
    Atomics.store(this.control, Word.asleep, 1)
    this.#serve()
  }

  #obey(mail: ProcessMail | ProcessSeed): void {
    if (!this.#seeded) {
      const { arena, control } = mail as ProcessSeed
      this.#seeded = true
      // One mapping for all puppets of an engine: they are never unmapped.
      const { ino } = fstatSync(this.arenaFd)
      if (memory?.of !== ino) memory = { of: ino, mapped: new MappedMemory(this.arenaFd, arena) }
      this.control = new Int32Array(this.#memory().view(control, CONTROL_BYTES))
      return
    }
    const command = mail as Mail
    if (command.kind === 'load') this.say({ kind: 'reply', ...(stage.reply as object) })
    else if (command.kind === 'end') this.#die({ code: 0, signal: null })
    else if (command.kind === 'open') {
      const { at, bytes, count } = command.slots
      const tensors = command.inputNames.length + command.outputs
      this.slots = new Slots(this.#memory().view(at as number, bytes), count, tensors)
      this.say({ kind: 'reply' })
    } else if (command.kind === 'close' || command.kind === 'unload') this.say({ kind: 'reply' })
  }

  #serve(): void {
    for (let slot = this.slots.take(); slot !== -1; slot = this.slots.take()) {
      const { script } = stage
      stage.script = undefined
      if (script === undefined) this.answer(slot)
      else script(this, slot)
    }
  }
}
