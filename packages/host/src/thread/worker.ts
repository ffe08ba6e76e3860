import { getPriority, setPriority } from 'node:os'
import { setImmediate as turn } from 'node:timers/promises'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { now } from '@xpu-hal/core/backend'
import { encodeError } from '../error.js'
import { importRunner } from '../module.js'
import type { AnyRunner, RunnerModule } from '../runner.js'
import { Inbox } from './inbox.js'
import type { Answer, Command, WorkerSeed } from './message.js'
import { Rest } from './rest.js'
import { Service } from './service.js'
import { Slots, Word } from './slots.js'

// A worker that only ever sleeps and runs would never free what is freed on its event loop: memory of native addons,
// finalizers, weak references. A turn of the loop now and then does it.
const TURN_EVERY_MS = 100

// The event loop of the application comes first: when runs keep all cores busy, its p99 delay is half as long. Elsewhere
// than on Linux the call would change the whole process.
if (process.platform === 'linux') setPriority(0, Math.min(getPriority(0) + 5, 19))

const { module: url, control } = workerData as WorkerSeed
const port = parentPort as MessagePort
const inbox = new Inbox(port, control)
const rest = new Rest()

let module: RunnerModule | undefined
let runner: AnyRunner | undefined
let service: Service | undefined

async function live(): Promise<void> {
  let turnAt = 0
  for (;;) {
    const seen = Atomics.load(control, Word.wake)
    inbox.read()
    const command = inbox.commands.shift()
    if (command?.kind === 'end') return
    Atomics.store(control, Word.busy, 1)
    if (command !== undefined) await reply(command)
    const busy = command === undefined && service?.step(seen) === true
    Atomics.store(control, Word.busy, 0)
    if (command !== undefined || now() > turnAt) {
      await turn()
      turnAt = now() + TURN_EVERY_MS
    } else if (!busy) {
      rest.until(control, seen)
    }
  }
}

async function reply(command: Command): Promise<void> {
  try {
    post({ kind: 'reply', value: await obey(command) })
  } catch (error) {
    post({ kind: 'reply', error: encodeError(error) })
  }
}

async function obey(command: Command): Promise<unknown> {
  module ??= await importRunner(url)
  switch (command.kind) {
    case 'load': {
      const { inputs, outputs, outputShapes, shared } = await module.load(command.config, command.model)
      return { inputs, outputs, outputShapes, shared }
    }
    case 'open': {
      const { inputNames, outputs, depth } = command
      const slots = new Slots(control, command.slots, inputNames.length + outputs)
      runner = await module.open(command.config, command.shared, command.worker)
      const callIn = (slot: number) => inbox.call(slots, slot, inputNames, outputs)
      service = new Service(slots, runner, depth, callIn, post)
      return runner.cancelToken
    }
    case 'close': {
      const closing = runner
      runner = undefined
      service = undefined
      inbox.clear()
      return closing?.close()
    }
    case 'unload':
      return module.unload?.(command.shared)
  }
}

function post(answer: Answer): void {
  port.postMessage(answer)
}

// What the runner's module left open must not keep the thread.
live()
  .then(turn)
  .then(() => process.exit())
