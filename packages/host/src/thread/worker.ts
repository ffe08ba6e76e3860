import { getPriority, setPriority } from 'node:os'
import { setImmediate as turn } from 'node:timers/promises'
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { HalError, now, type SyncRequest, type Tensor } from '@xpu-hal/core/backend'
import { encodeError } from '../error.js'
import { importRunner } from '../module.js'
import type { LoadedModel, Runner, RunnerCall, RunnerModule } from '../runner.js'
import { weigh, weighTensor } from './ballast.js'
import type { Answer, Command, Mail, SlotAnswer, WorkerSeed } from './message.js'
import { packOutputs } from './outputs.js'
import { Rest } from './rest.js'
import { Slots, State, Word } from './slots.js'

// A worker that only ever sleeps and runs would never free what is freed on its event loop: memory of native addons,
// finalizers, weak references. A turn of the loop now and then does it.
const TURN_EVERY_MS = 100

// The event loop of the application comes first: when runs keep all cores busy, its p99 delay is half as long. Elsewhere
// than on Linux the call would change the whole process.
if (process.platform === 'linux') setPriority(0, Math.min(getPriority(0) + 5, 19))

const { module: url, index, core, control } = workerData as WorkerSeed
const port = parentPort as MessagePort

const buffers = new Map<number, SharedArrayBuffer>()
/** By slot. A request that was recalled stays until the next one for its slot. */
const letters: (SyncRequest | undefined)[] = []
const commands: Command[] = []
const rest = new Rest()
let mailRead = 0

let module: RunnerModule | undefined
let loaded: LoadedModel<unknown> | undefined
let runner: Runner | undefined
let slots: Slots | undefined
let inputNames: readonly string[] = []
let outputCount = 0

async function live(): Promise<void> {
  let turnAt = 0
  for (;;) {
    const seen = Atomics.load(control, Word.wake)
    readMail()
    const command = commands.shift()
    if (command?.kind === 'end') return
    let slot = -1
    if (command === undefined) slot = slots?.take() ?? -1
    else await reply(command)
    if (slot !== -1) serve(slot)
    if (command !== undefined || now() > turnAt) {
      await turn()
      turnAt = now() + TURN_EVERY_MS
    } else if (slot === -1) {
      rest.until(control, seen)
    }
  }
}

function readMail(): void {
  for (const sent = Atomics.load(control, Word.mail); mailRead !== sent; mailRead = (mailRead + 1) | 0) {
    const mail = receiveMessageOnPort(port)?.message as Mail
    if (mail.kind === 'buffers') {
      for (const [id, buffer] of mail.added) {
        weigh(buffer)
        buffers.set(id, buffer)
      }
      for (const id of mail.dropped) buffers.delete(id)
    } else if (mail.kind === 'request') {
      letters[mail.slot] = mail.request
    } else {
      commands.push(mail)
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
  switch (command.kind) {
    case 'load': {
      module = await importRunner(url)
      loaded = await module.load(command.config, command.model)
      const { inputs, outputs, outputShapes, shared } = loaded
      return { inputs, outputs, outputShapes, shared }
    }
    case 'open': {
      module ??= await importRunner(url)
      inputNames = command.inputNames
      outputCount = command.outputs
      slots = new Slots(control, command.slots, inputNames.length + outputCount)
      runner = await module.open(command.config, loaded === undefined ? command.shared : loaded.shared, {
        index,
        core,
      })
      return runner.cancelToken
    }
    case 'close':
      return runner?.close()
    case 'unload':
      return loaded === undefined ? undefined : module?.unload?.(loaded.shared)
  }
}

function serve(slot: number): void {
  if (slots === undefined || runner === undefined) return
  // What the request refers to was posted before the slot became ready, perhaps after the last look.
  readMail()
  const startedAt = now()
  let endedAt = startedAt
  let bytesCopied = 0
  let letter: SlotAnswer | undefined
  try {
    const call = readCall(slots, slot)
    const answer = runner.run(call)
    endedAt = now()
    const { packed, bytesCopied: bytesPacked } = packOutputs(call, answer)
    bytesCopied = answer.bytesCopied + bytesPacked
    if (packed !== undefined) {
      letter = { kind: 'outputs', slot, ...packed }
      post(letter)
    }
  } catch (error) {
    if (endedAt === startedAt) endedAt = now()
    letter = { kind: 'failure', slot, error: encodeError(error) }
    post(letter)
  }
  slots.writeAnswer(slot, { startedAt, endedAt, bytesCopied }, letter !== undefined)
  finish(slots, slot)
  if (Atomics.exchange(control, Word.bell, 1) === 0) post(0)
}

function readCall(from: Slots, slot: number): RunnerCall {
  const job = from.job(slot)
  if (from.hasLetter(slot)) {
    const letter = letters[slot]
    if (letter === undefined) throw new HalError('HAL_INTERNAL', 'a request never reached the worker thread')
    letters[slot] = undefined
    letter.inputs.forEach(weighTensor)
    return { job, ...letter }
  }
  const inputs = inputNames.map((_, i) => from.readTensor(slot, i, bufferOf) as Tensor)
  const outputs: (Tensor | undefined)[] = []
  for (let i = 0; i < outputCount; i++) outputs.push(from.readTensor(slot, inputNames.length + i, bufferOf))
  return { job, inputs, inputNames, outputs }
}

function bufferOf(id: number): SharedArrayBuffer {
  const buffer = buffers.get(id)
  if (buffer === undefined) throw new HalError('HAL_INTERNAL', `buffer ${id} never reached the worker thread`)
  return buffer
}

/** A cancel that is under way must not hit the next run. */
function finish(of: Slots, slot: number): void {
  if (of.move(slot, State.running, State.done)) return
  Atomics.wait(control, Word.state + slot, State.cancelling)
  of.setState(slot, State.done)
}

function post(answer: Answer): void {
  port.postMessage(answer)
}

// What the runner's module left open must not keep the thread.
live()
  .then(turn)
  .then(() => process.exit())
