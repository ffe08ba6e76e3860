import { setImmediate } from 'node:timers/promises'
import type { DriverRun, EngineDriver } from '../backend.js'
import type { Inputs } from '../engine.js'
import { HalError, type HalErrorDetails } from '../errors.js'
import type { Tensor } from '../tensor.js'
import { checkAnswer } from './answer.js'
import { checkInputs } from './inputs.js'
import { nextId } from './job.js'
import { EngineMemory } from './memory.js'
import { throwIfAborted, watch } from './watch.js'

/** A model that is loaded on a device. */
export interface WarmUpTarget {
  readonly driver: EngineDriver
  /** Id of the device. */
  readonly device: string
}

export interface WarmUpSettings {
  /** For each lane. */
  readonly runs: number
  /** Zeros when missing, with 1 for each dimension that the model leaves open. */
  readonly inputs?: Inputs | undefined
  /** Ends it; runs that execute are cancelled as far as the driver can. */
  readonly signal: AbortSignal
  /** Called after each run: how many are over, of how many, and where that one was. */
  readonly report: (done: number, total: number, device: string) => void
}

/** A lane, with what a run on it takes. */
interface WarmLane {
  readonly target: WarmUpTarget
  readonly index: number
  readonly memory: EngineMemory
  readonly inputs: readonly Tensor[]
  readonly inputNames: readonly string[]
}

/**
 * Executes runs on every lane of drivers that nobody else uses yet: side by side on the lanes, one after the other on each. No
 * engine knows of them. They take the cores beside whatever other engines execute there.
 * @throws HalError the code of the first run that failed; the others are cancelled then, and closing the driver waits for them
 */
export async function warmUp(targets: readonly WarmUpTarget[], settings: WarmUpSettings): Promise<void> {
  const { runs, inputs, signal, report } = settings
  throwIfAborted(signal, 'the warm-up')
  const lanes = targets.flatMap((target) => lanesOf(target, inputs))
  const total = runs * lanes.length
  let done = 0
  const stop = new AbortController()
  const disarm = watch({ signal }, 'the warm-up', (error) => stop.abort(error))
  const executeAll = async (lane: WarmLane) => {
    for (let run = 1; run <= runs; run++) {
      throwIfAborted(stop.signal, 'the warm-up')
      await execute(lane, stop.signal, `run ${run} of ${runs}${inputs === undefined ? ', with zeros' : ''}`)
      report(++done, total, lane.target.device)
      // A run on the calling thread has kept timers and signals waiting.
      await setImmediate()
    }
  }
  try {
    await Promise.all(lanes.map(executeAll))
  } catch (error) {
    stop.abort(error)
    throw error
  } finally {
    disarm?.()
  }
}

function lanesOf(target: WarmUpTarget, given: Inputs | undefined): WarmLane[] {
  const { driver } = target
  const memory = new EngineMemory(driver, driver.lanes.length)
  const { inputs, inputNames } = inputsFor(target, given, memory)
  return driver.lanes.map((_, index) => ({ target, index, memory, inputs, inputNames }))
}

function inputsFor({ driver, device }: WarmUpTarget, given: Inputs | undefined, memory: EngineMemory) {
  const inputNames = driver.inputs.map(({ name }) => name)
  if (given !== undefined) {
    try {
      const { tensors, names } = checkInputs(given, driver.inputs, inputNames, memory)
      return { inputs: tensors, inputNames: names }
    } catch (cause) {
      const message = `warmUpInputs: ${HalError.from(cause).message}`
      throw new HalError('HAL_INVALID_ARGUMENT', message, { device, cause })
    }
  }
  if (driver.inputs.length === 0) {
    const message =
      'warmUp: the runtime does not tell the inputs of the model; pass warmUpInputs, or leave warmUp out'
    throw new HalError('HAL_INVALID_ARGUMENT', message, { device })
  }
  const inputs = driver.inputs.map(({ dataType, shape }) =>
    memory.tensor(
      dataType,
      shape.map((dimension) => (dimension < 0 ? 1 : dimension)),
    ),
  )
  return { inputs, inputNames }
}

function execute(lane: WarmLane, signal: AbortSignal, which: string): Promise<void> {
  const { target, index, inputNames } = lane
  const { driver, device } = target
  const core = driver.lanes[index]?.core
  return new Promise((resolve, reject) => {
    const memory = lane.memory.take(lane.inputs, undefined)
    const fail = (error: unknown) => {
      disarm?.()
      reject(failure(error, `${which}, on ${device} ${core}`, { device }))
    }
    const lost = () => fail(new HalError('HAL_DEVICE_LOST', 'its worker was lost'))
    const run: DriverRun = {
      job: nextId(),
      lane: index,
      inputs: memory.inputs,
      inputNames,
      outputs: memory.outputs,
      done: (answer) => {
        try {
          checkAnswer(answer, driver.outputs, driver.outputShapes, undefined)
        } catch (error) {
          fail(error)
          return
        }
        disarm?.()
        memory.released()
        memory.delivered(false)
        resolve()
      },
      fail,
      giveBack: lost,
      lose: fail,
    }
    const disarm = watch({ signal }, 'the warm-up', (error) => {
      reject(error)
      cancel(driver, run)
    })
    try {
      driver.doRun(run)
    } catch (error) {
      fail(error)
    }
  })
}

/** Best effort: the driver is closed in any case. */
function cancel(driver: EngineDriver, run: DriverRun): void {
  try {
    if (driver.doRecall?.(run) !== true) driver.doCancel?.(run)
  } catch {}
}

function failure(error: unknown, which: string, details: HalErrorDetails): HalError {
  const { code, message, native } = HalError.from(error)
  const more = { ...details, ...(native && { native }), cause: error }
  return new HalError(code, `the warm-up failed (${which}): ${message}`, more)
}
