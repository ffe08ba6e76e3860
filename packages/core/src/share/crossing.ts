import { types } from 'node:util'
import { copyData, type OutputSet } from '../engine/memory.js'
import type { Request } from '../engine/request.js'
import type { Outputs } from '../engine.js'
import type { TensorInfo } from '../model.js'
import { type NumericData, type Tensor, tensor } from '../tensor.js'
import type { RunMessage, RunSettings } from './message.js'

/** Whether structured cloning passes it by reference. */
function crosses({ dataType, data }: Tensor): boolean {
  return dataType !== 'string' && types.isSharedArrayBuffer((data as NumericData).buffer)
}

/** A plain frame around the same memory where that is shared, else around a copy; and the bytes that this copies. */
export function toShared({ dataType, shape, data }: Tensor): { tensor: Tensor; bytesCopied: number } {
  const plain = { dataType, shape, data }
  if (crosses(plain)) return { tensor: plain, bytesCopied: 0 }
  return { tensor: dataType === 'string' ? plain : tensor(dataType, shape, data), bytesCopied: sizeOf(plain) }
}

/** The same for a tensor that will be written to: only its size matters. */
function room({ dataType, shape, data }: Tensor): Tensor {
  const plain = { dataType, shape, data }
  return dataType === 'string' || crosses(plain) ? plain : tensor(dataType, shape)
}

/** Outputs as they go to the other thread. */
export function shareOutputs(outputs: Outputs): { outputs: Outputs; bytesCopied: number } {
  let bytesCopied = 0
  const entries = Object.entries(outputs).map(([name, output]): [string, Tensor] => {
    const shared = toShared(output)
    bytesCopied += shared.bytesCopied
    return [name, shared.tensor]
  })
  return { outputs: Object.fromEntries(entries), bytesCopied }
}

/** A tensor of the caller for an output, and what goes to the engine in its place. */
interface Target {
  readonly caller: Tensor
  readonly sent: Tensor
}

/** A run on its way to the engine's thread, and the caller's tensors that its outputs are for. */
export class Crossing {
  readonly message: RunMessage
  readonly #targets: ReadonlyMap<string, Target> | undefined

  /** `infos` are the engine's outputs. @throws HalError HAL_RESOURCE_EXHAUSTED when there is no memory for copies. */
  constructor(request: Request, infos: readonly TensorInfo[], named: boolean) {
    let { bytesCopied } = request
    const inputs = request.inputs.map((input) => {
      const shared = toShared(input)
      bytesCopied += shared.bytesCopied
      return shared.tensor
    })
    this.#targets = request.callerOutputs && targetsOf(request.callerOutputs, infos)
    const options = settings(request, this.#targets)
    this.message = {
      inputs,
      ...(named && { names: request.inputNames }),
      ...(options && { options }),
      ...(bytesCopied > 0 && { bytesCopied }),
    }
  }

  /** The caller has tensors of its own for outputs. */
  get hasTargets(): boolean {
    return this.#targets !== undefined && this.#targets.size > 0
  }

  /** The outputs as the caller gets them, and the bytes that had to be copied into its own tensors. */
  received(came: Outputs): { outputs: Outputs; bytesCopied: number } {
    let bytesCopied = 0
    const targets = this.#targets
    if (targets === undefined) return { outputs: came, bytesCopied }
    const entries = Object.entries(came).map(([name, output]): [string, Tensor] => {
      const target = targets.get(name)?.caller
      if (target === undefined) return [name, output]
      if (!crosses(target)) bytesCopied += copyData(output, target)
      return [name, target]
    })
    return { outputs: Object.fromEntries(entries), bytesCopied }
  }
}

function targetsOf(outputs: OutputSet, infos: readonly TensorInfo[]): ReadonlyMap<string, Target> {
  const targets = new Map<string, Target>()
  outputs.forEach((caller, i) => {
    if (caller !== undefined) targets.set((infos[i] as TensorInfo).name, { caller, sent: room(caller) })
  })
  return targets
}

function settings(
  { options: { timeout, priority, repeatable, userArg } }: Request,
  targets: ReadonlyMap<string, Target> | undefined,
): RunSettings | undefined {
  const given = {
    ...(timeout !== undefined && { timeout }),
    ...(priority !== undefined && { priority }),
    ...(repeatable !== undefined && { repeatable: Boolean(repeatable) }),
    ...(userArg !== undefined && { userArg }),
    ...(targets !== undefined && {
      outputs: Object.fromEntries([...targets].map(([name, { sent }]) => [name, sent])),
    }),
  }
  return Object.keys(given).length === 0 ? undefined : given
}

function sizeOf({ dataType, data }: Tensor): number {
  if (dataType !== 'string') return (data as NumericData).byteLength
  return (data as readonly string[]).reduce((sum, text) => sum + Buffer.byteLength(text), 0)
}
