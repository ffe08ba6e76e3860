import { MessageChannel } from 'node:worker_threads'
import type { Pipeline } from '../engine/pipeline.js'
import type { Engine, EngineHandle } from '../engine.js'
import type { Logger } from '../logger.js'
import { Session } from './session.js'

/** The engine that handles are for. */
export interface SharedEngine {
  readonly engine: Engine & { share(owned: boolean): EngineHandle }
  readonly pipeline: Pipeline
  readonly logger: Logger
}

/** A handle to send to another thread. `owned`: the engine is closed when the connection is. */
export function openHandle(shared: SharedEngine, owned: boolean): EngineHandle {
  const { port1, port2 } = new MessageChannel()
  new Session(shared, port1, owned)
  return port2
}
