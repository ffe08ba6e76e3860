import { setTimeout as delay } from 'node:timers/promises'
import { type DeviceEvent, silent, type Tensor, tensor } from '@xpu-hal/core/backend'
import { onTestFinished } from 'vitest'
import { type HostOptions, host } from '../dist/index.js'
import { start } from './open.js'

/** A driver on the faulty runner, which does what `act` says where its input is negative. */
export async function openFaulty(
  config: Readonly<Record<string, unknown>>,
  options: Pick<HostOptions<unknown>, 'isolation'> & Partial<HostOptions<unknown>>,
) {
  const driver = await host({
    module: new URL('./fixtures/faulty.mjs', import.meta.url),
    model: { kind: 'bytes', name: 'none', bytes: new Uint8Array(1) },
    ...{ config, workers: [{ core: 'NPU_0' }], logger: silent, ...options },
  })
  onTestFinished(() => driver.doClose().catch(() => {}))
  const events: DeviceEvent['kind'][] = []
  const onEvent: (() => void)[] = []
  driver.doSubscribe?.(({ kind }) => {
    events.push(kind)
    for (const resolve of onEvent.splice(0)) resolve()
  })
  const place = (value: number): Tensor => {
    const { memory } = driver
    if (typeof memory === 'string') return tensor('float32', [1], [value])
    const data = new Float32Array(memory.allocate(4))
    data[0] = value
    return { dataType: 'float32', shape: [1], data }
  }
  const outputs = () => driver.outputs.map(() => place(0))
  return {
    driver,
    events,
    /** Resolves when as many events were told. */
    async told(count: number): Promise<void> {
      while (events.length < count) await new Promise<void>((resolve) => onEvent.push(resolve))
      await delay(0)
    },
    /** The number that came back, or the code of the error. */
    run: (value: number) =>
      start(driver, [place(value)], outputs()).answer.then(
        (answer) => answer.outputs[0]?.data[0],
        (error) => error.code ?? error.message,
      ),
    /** A run whose answer calls `done` at once. */
    begin(value: number, done: () => void): void {
      const ends = { done, fail: done, lose: done, giveBack: done }
      const request = { inputs: [place(value)], inputNames: ['x'], outputs: outputs() }
      driver.doRun({ job: 1, lane: 0, ...request, ...ends })
    },
    runSync(value: number): unknown {
      try {
        const request = { inputs: [place(value)], inputNames: ['x'], outputs: outputs() }
        return driver.doRunSync?.(request).outputs[0]?.data[0]
      } catch (error) {
        return (error as { code: string }).code
      }
    },
  }
}
