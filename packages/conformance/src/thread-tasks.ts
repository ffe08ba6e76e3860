import assert from 'node:assert/strict'
import { type Engine, HalError, type JobId, type Outputs, type Tensor } from '@xpu-hal/core'
import { sameOutputs, snapshot, turn } from './assert.js'
import { model } from './models/index.js'
import type { ModelName } from './models/model.js'

/** A model and which of its samples. */
export interface Which {
  readonly model: ModelName
  readonly seed: number
}

export interface ThreadError {
  readonly code: unknown
  readonly isInstance: boolean
  readonly engine: string | undefined
  readonly job: JobId | undefined
}

const calls: { readonly outputs: Outputs; readonly userArg: unknown; readonly job: JobId }[] = []
const own: Record<string, Tensor> = {}

/** What a worker thread can be told to do with an engine of another thread. Each runs on the worker. */
export const threadTasks = {
  /** Runs samples, several at once, and compares each answer. */
  async answers(engine: Engine, { model: name, seeds }: { model: ModelName; seeds: readonly number[] }) {
    const { sample } = model(name)
    const answers = await Promise.all(seeds.map((seed) => engine.run(sample(seed).inputs)))
    for (const [i, seed] of seeds.entries()) sameOutputs(answers[i] as Outputs, sample(seed).outputs)
  },

  runSync(engine: Engine, { model: name, seed }: Which) {
    const { inputs, outputs } = model(name).sample(seed)
    sameOutputs(engine.runSync(inputs), outputs)
  },

  submit: (engine: Engine, { model: name, seed }: Which): Promise<JobId> =>
    engine.runAsync(model(name).sample(seed).inputs, seed),

  trySubmit: (engine: Engine, { model: name, seed }: Which): JobId =>
    engine.tryRunAsync(model(name).sample(seed).inputs),

  async collect(engine: Engine, { model: name, seed, job }: Which & { job: JobId }) {
    sameOutputs(await engine.wait(job), model(name).sample(seed).outputs)
  },

  /** Starts runs that nobody waits for. */
  begin(engine: Engine, { model: name, count }: { model: ModelName; count: number }) {
    for (let i = 0; i < count; i++) engine.run(model(name).sample(i).inputs).catch(() => {})
  },

  /** Tensors of the thread for everything that goes in and out. */
  allocate(engine: Engine): Record<string, Tensor> {
    for (const { name } of [...engine.inputs, ...engine.outputs]) own[name] = engine.allocate(name)
    return own
  },

  /** A run on nothing but these. */
  async runAllocated(engine: Engine) {
    const outputs = Object.fromEntries(engine.outputs.map(({ name }) => [name, own[name] as Tensor]))
    const given = await engine.run(inputsOf(engine), { outputs })
    for (const [name, tensor] of Object.entries(outputs)) assert.equal(given[name], tensor, `output ${name}`)
    return engine.stats().bytesCopied
  },

  listen(engine: Engine) {
    engine.registerCallback((outputs, userArg, job) => {
      calls.push({ outputs: snapshot(outputs), userArg, job })
    })
  },

  /** The calls of the callback, once there were so many. */
  async called(_: Engine, count: number) {
    while (calls.length < count) await turn()
    return calls
  },

  async errors(engine: Engine): Promise<ThreadError[]> {
    const failures = [engine.run({}), engine.wait(-1), engine.run(undefined as never)]
    return (await Promise.allSettled(failures)).map((result) => {
      const error = (result as PromiseRejectedResult).reason as HalError
      const isInstance = HalError.isInstance(error)
      return { code: error.code ?? error.name, isInstance, engine: error.engine, job: error.job }
    })
  },

  close: (engine: Engine) => engine.close(),
}

function inputsOf(engine: Engine): Record<string, Tensor> {
  return Object.fromEntries(engine.inputs.map(({ name }) => [name, own[name] as Tensor]))
}
