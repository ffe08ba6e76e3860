import type { EngineEvents } from '../engine.js'
import { HalError } from '../errors.js'
import type { Logger } from '../logger.js'
import { suggest } from '../suggest.js'

type Name = keyof EngineEvents
const NAMES: readonly Name[] = ['error', 'run', 'lost', 'recovered']

type Listener = (...args: unknown[]) => void

/**
 * The listeners of an engine. Unlike Node's EventEmitter, an `error` nobody listens for is logged, not thrown, and a
 * listener that throws disturbs neither the others nor the engine.
 */
export class Events {
  readonly #listeners = new Map<Name, Set<Listener>>()

  constructor(private readonly logger: Logger) {}

  on(name: Name, listener: EngineEvents[Name]): void {
    if (!NAMES.includes(name)) {
      throw new TypeError(`there is no event '${String(name)}'; ${suggest(String(name), NAMES)}`)
    }
    if (typeof listener !== 'function') throw new TypeError(`on('${name}') needs a function`)
    const listeners = this.#listeners.get(name) ?? new Set()
    listeners.add(listener as Listener)
    this.#listeners.set(name, listeners)
  }

  off(name: Name, listener: EngineEvents[Name]): void {
    this.#listeners.get(name)?.delete(listener as Listener)
  }

  has(name: Name): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0
  }

  emit<E extends Name>(name: E, ...args: Parameters<EngineEvents[E]>): void {
    const [detail] = args
    if (name === 'error' && !this.has(name))
      this.logger('warn', (detail as HalError).message, { error: detail })
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        listener(...args)
      } catch (error) {
        this.logger('error', `a listener for '${name}' threw: ${HalError.from(error).message}`, { error })
      }
    }
  }
}
