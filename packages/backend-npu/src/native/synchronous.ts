import type { Tensor } from '@xpu-hal/core/backend'
import type { Inference, UseOutput } from './inference.js'
import { LentInputs } from './lent-input.js'
import { alloc, free } from './libc.js'
import type { SynchronousCalls } from './library.js'
import { NativeOutput } from './output.js'
import type { Runtime } from './runtime.js'
import { STRUCT_BYTES } from './tensors-struct.js'

/** `runtime_inference_execution`: the inputs stay ours, so they need not be copied; the outputs stay the runtime's. */
export class Synchronous implements Inference {
  readonly loss = undefined
  private readonly inputs = new LentInputs()
  private readonly waiting: { readonly names: readonly string[]; readonly tensors: readonly Tensor[] }[] = []

  constructor(
    private readonly runtime: Runtime,
    private readonly calls: SynchronousCalls,
  ) {}

  send(names: readonly string[], tensors: readonly Tensor[]): void {
    this.waiting.push({ names, tensors })
  }

  due(): number {
    return 0
  }

  receive<T>(use: UseOutput<T>): T {
    const { names, tensors } = this.waiting.shift() as (typeof this.waiting)[number]
    const { runtime, calls } = this
    const input = this.inputs.take(names, tensors)
    const struct = alloc(STRUCT_BYTES)
    try {
      runtime.call('runtime_inference_execution', calls.execute, input.pointer, struct)
      try {
        return use(new NativeOutput(struct, false), input.bytesCopied)
      } finally {
        // Its status is no matter: the outputs are read.
        calls.cleanup()
      }
    } finally {
      free(struct)
      this.inputs.giveBack(input)
    }
  }
}
