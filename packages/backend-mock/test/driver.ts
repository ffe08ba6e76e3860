import type { MockDevice } from '@xpu-hal/backend-mock'
import {
  type DriverRun,
  type EngineDriver,
  type Model,
  type OptionValues,
  type RunAnswer,
  silent,
  type Tensor,
  tensor,
} from '@xpu-hal/core/backend'
import { encodeModel, type OnnxNode, type OnnxValue } from '@xpu-hal/onnx'

export function modelOf(
  nodes: readonly OnnxNode[],
  inputs: readonly OnnxValue[],
  outputs: readonly OnnxValue[],
  name = 'model',
): Model {
  const bytes = encodeModel({ opset: 18, graph: { name, nodes, inputs, outputs } })
  return { kind: 'bytes', name, bytes }
}

const x: OnnxValue = { name: 'x', dataType: 'float32', shape: [2] }

/** y = x + x, two float32 each. */
export function doubling(name = 'doubling'): Model {
  const node: OnnxNode = { op: 'Add', inputs: ['x', 'x'], outputs: ['y'] }
  return modelOf([node], [x], [{ ...x, name: 'y' }], name)
}

export function open(
  device: MockDevice,
  options: OptionValues = {},
  { model = doubling(), cores = device.info.cores.map((core) => core.id) } = {},
): Promise<EngineDriver> {
  return device.doOpen({ engine: 'test', model, options, cores, logger: silent })
}

let jobs = 0

/** What happened to a run: every answer in order, and the first one as a promise. */
export interface Watched extends DriverRun {
  readonly answers: (RunAnswer | Error)[]
  readonly first: Promise<RunAnswer>
}

/** Hands a run to the driver, as core would. `order` collects the jobs as they are answered. */
export function start(
  engine: EngineDriver,
  { job = ++jobs, lane = 0, input = tensor('float32', [2], [1, 2]) as Tensor, order = [] as number[] } = {},
): Watched {
  const answers: (RunAnswer | Error)[] = []
  const { promise, resolve, reject } = withResolvers<RunAnswer>()
  promise.catch(() => {})
  const run: Watched = {
    job,
    lane,
    inputs: [input],
    inputNames: ['x'],
    outputs: engine.outputs.map(({ dataType, shape }) =>
      shape.includes(-1) ? undefined : tensor(dataType, shape),
    ),
    answers,
    first: promise,
    done(answer) {
      answers.push(answer)
      order.push(job)
      resolve(answer)
    },
    giveBack() {
      this.fail(new Error('given back'))
    },
    lose(error) {
      this.fail(error)
    },
    fail(error) {
      answers.push(error as Error)
      order.push(job)
      reject(error)
    },
  }
  engine.doRun(run)
  return run
}

export function valuesOf(answer: RunAnswer): unknown[] {
  return Array.from(answer.outputs[0]?.data as ArrayLike<unknown>)
}

function withResolvers<T>() {
  let resolve: (value: T) => void = () => {}
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<T>((ok, bad) => {
    resolve = ok
    reject = bad
  })
  return { promise, resolve, reject }
}
