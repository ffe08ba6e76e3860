import type { MockBackend } from '@xpu-hal/backend-mock'
import { type Batching, type Engine, type Hal, tensor } from '@xpu-hal/core'
import type { BackendName } from './arguments.js'
import { drawDigit, PIXELS } from './digits.js'
import { openModel } from './engines.js'
import { normalise, WHITE } from './models.js'
import { endings, measure, type Throughput } from './requests.js'
import { pictures } from './workflow.js'

export interface Comparison {
  readonly single: Throughput
  readonly batched: Throughput
}

/** Many clients with requests of one picture, each request executed by itself and then joined with others. */
export async function compareBatching(
  hal: Hal,
  backend: BackendName,
  { clients, requests, batching }: { clients: number; requests: number; batching: Batching },
): Promise<Comparison> {
  const options = { warmUp: 1 }
  const inputs = Array.from({ length: clients }, (_, client) => {
    const levels = Array.from(drawDigit(client % 10, client), normalise)
    return { features: tensor('float32', [1, PIXELS], levels) }
  })
  const serve = async (engine: Engine) => {
    const throughput = await measure(engine, inputs, requests)
    await engine.close()
    return throughput
  }
  const single = await serve(await openModel(hal, backend, 'neighbours', options))
  const batched = await serve(await openModel(hal, backend, 'neighbours', { ...options, batching }))
  return { single, batched }
}

export interface BadRequest {
  /** Rows of one execution, while all requests are good. */
  readonly together: number
  /** How each request ended that came together with a bad one, which is the first. */
  readonly endings: readonly string[]
}

/** Requests that are executed together, one of which cannot be: on ort a picture brighter than white, else a fault. */
export async function oneBadRequest(
  hal: Hal,
  backend: BackendName,
  mock: MockBackend | undefined,
): Promise<BadRequest> {
  const batching = { maxSize: 8, maxDelay: 1000, adaptive: false }
  await using engine = await openModel(hal, backend, 'normaliser', { batching })
  const drawn = Array.from({ length: batching.maxSize }, (_, i) => drawDigit(i, i))
  const send = () => endings(drawn.map((picture) => engine.run({ pixels: pictures([picture]) })))
  await send()
  const together = engine.stats().batchSize.max
  if (mock === undefined) drawn[0]?.fill(WHITE + 1)
  // It strikes the execution of all, then the first of those by themselves.
  else mock.devices[0]?.inject({ fault: 'fail', count: 2 })
  return { together, endings: await send() }
}
