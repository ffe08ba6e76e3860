import { type DriverRun, HalError, type RunAnswer } from '@xpu-hal/core/backend'
import { resized } from './arithmetic/index.js'
import type { Fault } from './faults.js'

type Answering = Pick<DriverRun, 'done' | 'fail'>

interface Held {
  /** Gives the answer. Missing when there will be none. */
  readonly deliver?: () => void
  /** Ends the run without it. Missing when it has ended already. */
  readonly abort?: (error: HalError) => void
  /** True when the next answer of the engine lets this one go. */
  readonly overtakable?: boolean
  timer?: NodeJS.Timeout
}

/** The answers of one engine, with the faults in their way. */
export class Answers {
  private readonly held = new Set<Held>()
  private given = 0
  private released = 0

  /** Where the answer to `run` goes; `undefined` when the run is not to be executed. */
  to(run: DriverRun, fault: Fault | undefined): Answering | undefined {
    const { given, released } = this
    const direct: Answering = {
      done: (answer) => this.give(() => run.done(answer)),
      fail: (error) => this.give(() => run.fail(error)),
    }
    switch (fault?.fault) {
      case undefined:
        return direct
      case 'fail':
        run.fail(failure(fault))
        return undefined
      case 'never':
        this.held.add({ abort: (error) => run.fail(error) })
        return undefined
      case 'late':
      case 'reorder': {
        const delay = (deliver: () => void) => {
          const overtaken = fault.fault === 'reorder' && this.given !== given
          if (overtaken || this.released !== released) deliver()
          else this.delay(run, fault, deliver)
        }
        return {
          done: (answer) => delay(() => direct.done(answer)),
          fail: (error) => delay(() => direct.fail(error)),
        }
      }
      case 'wrong-shape':
        return { ...direct, done: (answer) => direct.done(misshapen(answer)) }
      case 'twice':
        return {
          ...direct,
          done: (answer) => {
            direct.done(answer)
            if (fault.delayMs === undefined) run.done(answer)
            else this.hold({ deliver: () => run.done(answer) }, fault.delayMs)
          },
        }
    }
  }

  /** Gives every answer that is held, and holds none of the runs under way. */
  release(): void {
    this.released++
    for (const held of this.held) if (held.deliver !== undefined) this.letGo(held)
  }

  /** Ends every run whose answer is held. */
  abort(error: HalError): void {
    for (const held of this.held) {
      this.drop(held)
      held.abort?.(error)
    }
  }

  private delay(run: DriverRun, { fault, delayMs }: Fault, deliver: () => void): void {
    const overtakable = fault === 'reorder'
    // Of two that are to be reordered, the second one goes first.
    if (overtakable && [...this.held].some((held) => held.overtakable)) {
      deliver()
    } else {
      this.hold(
        { deliver, overtakable, abort: (error) => run.fail(error) },
        delayMs ?? (overtakable ? undefined : 0),
      )
    }
  }

  private hold(held: Held, delayMs: number | undefined): void {
    this.held.add(held)
    if (delayMs !== undefined) held.timer = setTimeout(() => this.letGo(held), delayMs)
  }

  private letGo(held: Held): void {
    this.drop(held)
    held.deliver?.()
  }

  private drop(held: Held): void {
    clearTimeout(held.timer)
    this.held.delete(held)
  }

  /** Gives an answer, then those that waited for another one to pass them. */
  private give(deliver: () => void): void {
    const overtaken = [...this.held].filter((held) => held.overtakable)
    this.given++
    deliver()
    for (const held of overtaken) if (this.held.has(held)) this.letGo(held)
  }
}

export function failure(fault: Fault): HalError {
  return new HalError(fault.code ?? 'HAL_INTERNAL', 'mock: an injected fault failed this run')
}

/** Lies about the shape of the first output: one row too many. */
export function misshapen(answer: RunAnswer): RunAnswer {
  const [first, ...rest] = answer.outputs
  if (first === undefined) return answer
  const [rows = 1, ...row] = first.shape
  return { ...answer, outputs: [resized(first, [rows + 1, ...row]), ...rest] }
}
