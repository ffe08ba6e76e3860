import { setImmediate as turn } from 'node:timers/promises'
import { now } from '@xpu-hal/core/backend'
import { encodeError } from '../error.js'
import { importRunner } from '../module.js'
import type { AnyRunner, RunnerModule } from '../runner.js'
import { Word } from './control.js'
import { Inbox } from './inbox.js'
import type { Link } from './link.js'
import type { Command, SharedModel } from './message.js'
import { Rest } from './rest.js'
import { Service } from './service.js'
import { Slots } from './slots.js'

// A worker that only ever sleeps and runs would never free what is freed on its event loop: memory of native addons,
// finalizers, weak references. A turn of the loop now and then does it.
const TURN_EVERY_MS = 100

/** The life of a worker: does what main sends it, until it is told to end. */
export async function serve(link: Link, url: string): Promise<void> {
  const { control } = link
  const inbox = new Inbox(link)
  const rest = new Rest(link)
  const runtime = new Runtime(link, inbox, url)
  let turnAt = 0
  for (;;) {
    const seen = Atomics.load(control, Word.wake)
    inbox.read()
    const command = inbox.commands.shift()
    if (command?.kind === 'end') return turn()
    Atomics.store(control, Word.busy, 1)
    if (command !== undefined) await reply(link, runtime, command)
    const busy = command === undefined && runtime.service?.step(seen) === true
    Atomics.store(control, Word.busy, 0)
    if (command !== undefined || now() > turnAt) {
      await turn()
      turnAt = now() + TURN_EVERY_MS
    } else if (!busy) {
      rest.until(seen)
    }
  }
}

async function reply(link: Link, runtime: Runtime, command: Command): Promise<void> {
  try {
    link.post({ kind: 'reply', value: await runtime.obey(command) })
  } catch (error) {
    link.post({ kind: 'reply', error: encodeError(error) })
  }
}

/** The runner of a worker. */
class Runtime {
  service: Service | undefined
  #module: RunnerModule | undefined
  #runner: AnyRunner | undefined
  #kept: SharedModel | undefined

  constructor(
    private readonly link: Link,
    private readonly inbox: Inbox,
    private readonly url: string,
  ) {}

  async obey(command: Command): Promise<unknown> {
    this.#module ??= await importRunner(this.url)
    const { link, inbox } = this
    switch (command.kind) {
      case 'load': {
        const model = link.modelOf(command.model)
        const { inputs, outputs, outputShapes, shared } = await this.#module.load(command.config, model)
        if (!command.keep) return { inputs, outputs, outputShapes, shared }
        this.#kept = { shared }
        return { inputs, outputs, outputShapes }
      }
      case 'open': {
        const { inputNames, outputs, depth, slots: at } = command
        const slots = new Slots(link.slotsAt(at), at.count, inputNames.length + outputs)
        const model = command.model ?? this.#kept
        const runner = await this.#module.open(command.config, model?.shared, command.worker)
        this.#runner = runner
        const callIn = (slot: number) => inbox.call(slots, slot, inputNames, outputs)
        this.service = new Service(slots, runner, depth, callIn, link)
        return runner.cancelToken
      }
      case 'rest':
        inbox.clear()
        return link.rest()
      case 'close': {
        const closing = this.#runner
        this.#runner = undefined
        this.service = undefined
        return closing?.close()
      }
      case 'unload': {
        const model = command.model ?? this.#kept
        this.#kept = undefined
        return model && this.#module.unload?.(model.shared)
      }
    }
  }
}
