import { HalError, type OpenRequest } from '@xpu-hal/core/backend'

/**
 * The cores that an engine uses, each with an instance of the runtime: as many as `workers` says.
 * @throws HalError HAL_INVALID_ARGUMENT for more workers than cores; HAL_UNIMPLEMENTED for `threadsPerWorker`
 */
export function workersOf({ options, cores }: OpenRequest): { readonly core: string }[] {
  if (options.threadsPerWorker !== undefined) {
    throw new HalError(
      'HAL_UNIMPLEMENTED',
      "threadsPerWorker: OAAX has no such setting; give the runtime's own with args, such as num_threads",
    )
  }
  const { workers = cores.length } = options
  if (Number(workers) > cores.length) {
    throw new HalError(
      'HAL_INVALID_ARGUMENT',
      `workers: each takes an instance of the runtime, and the engine has ${cores.length}, not ${String(workers)}; raise ` +
        'instances of npu, or ask for fewer workers',
    )
  }
  return cores.slice(0, Number(workers)).map((core) => ({ core }))
}
