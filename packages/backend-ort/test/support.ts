import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type DataType, type Model, type Tensor, tensor } from '@xpu-hal/core'
import { encodeModel, type OnnxModel, type OnnxNode, type OnnxValue } from '@xpu-hal/onnx'
import { shippedLibrary } from '../src/native/library.js'
import { load, type OrtRunnerConfig, open, unload } from '../src/runner.js'

export const library = shippedLibrary()

/** The real models, which are not part of the project; `undefined`, with the reason printed, where they are not. */
export function example(file: string): string | undefined {
  const path = fileURLToPath(new URL(`../../../../shared/data/oaax-examples/${file}`, import.meta.url))
  if (existsSync(path)) return path
  console.log(`skipped: ${file} is not in ../shared/data/oaax-examples`)
  return undefined
}

export function model(
  inputs: readonly OnnxValue[],
  outputs: readonly OnnxValue[],
  nodes: readonly OnnxNode[],
  rest: Partial<OnnxModel> & { initializers?: Record<string, Tensor> } = {},
): Uint8Array {
  const { initializers = {}, ...more } = rest
  return encodeModel({ opset: 17, graph: { name: 'test', inputs, outputs, nodes, initializers }, ...more })
}

/** x -> y, unchanged. */
export function identity(dataType: DataType, shape: readonly (number | string)[]): Uint8Array {
  const node = { op: 'Identity', inputs: ['x'], outputs: ['y'] }
  return model([{ name: 'x', dataType, shape }], [{ name: 'y', dataType, shape }], [node])
}

/** x -> the places of what is not zero, whose number only the run knows. `claimed` is what the model says of y. */
export function nonZero(count: number, claimed: readonly (number | string)[]): Uint8Array {
  const x: OnnxValue = { name: 'x', dataType: 'float32', shape: [count] }
  const y: OnnxValue = { name: 'y', dataType: 'int64', shape: claimed }
  return model([x], [y], [{ op: 'NonZero', inputs: ['x'], outputs: ['y'] }])
}

/** x -> x multiplied by itself `times` times, as a matrix: work for as long as one likes. */
export function longRun(size: number | string, times: number): Uint8Array {
  const shape = [size, size]
  const names = ['x', ...Array.from({ length: times - 1 }, (_, i) => `t${i}`), 'y']
  const nodes = names
    .slice(1)
    .map((name, i) => ({ op: 'MatMul', inputs: [names[i] as string, 'x'], outputs: [name] }))
  return model(
    [{ name: 'x', dataType: 'float32', shape }],
    [{ name: 'y', dataType: 'float32', shape }],
    nodes,
  )
}

export function runnerConfig(settings: Partial<OrtRunnerConfig> = {}): OrtRunnerConfig {
  return {
    library,
    workers: 1,
    threadsPerWorker: 1,
    graphOptimizationLevel: 'all',
    executionMode: 'sequential',
    executionProvider: 'cpu',
    executionProviderOptions: {},
    cpuFallback: true,
    profiling: undefined,
    sessionConfig: {},
    ...settings,
  }
}

function modelOf(source: Uint8Array | string): Model {
  if (typeof source === 'string') return { kind: 'file', name: source, path: source }
  return { kind: 'bytes', name: 'model', bytes: source }
}

/** The runner on this thread, without a host. */
export async function openHere(source: Uint8Array | string, settings: Partial<OrtRunnerConfig> = {}) {
  const config = runnerConfig(settings)
  const { shared, inputs, outputs } = await load(config, modelOf(source))
  const runner = await open(config, shared, { index: 0, core: 'CPU' })
  let jobs = 0
  return {
    inputs,
    outputs,
    runner,
    /** Without `into` the runtime allocates the outputs. */
    run(values: readonly Tensor[], into?: readonly (Tensor | undefined)[]) {
      const job = ++jobs
      return runner.run({
        job,
        inputs: values,
        inputNames: inputs.map(({ name }) => name),
        outputs: into ?? outputs.map(() => undefined),
      })
    },
    close() {
      runner.close()
      unload(shared)
    },
    [Symbol.dispose]() {
      this.close()
    },
  }
}

/** What `act` throws. */
export async function failure(act: () => unknown): Promise<unknown> {
  try {
    await act()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

export const floats = (values: readonly number[]) => tensor('float32', [values.length], values)
