import { type DriverRun, type RunAnswer, tensor } from '@xpu-hal/core/backend'
import { expect, test } from 'vitest'
import type { RunnerModule } from '../src/runner.js'
import { ThreadLane } from '../src/thread/lane.js'
import { Outbox } from '../src/thread/outbox.js'
import { createControl, Slots, State } from '../src/thread/slots.js'
import type { WorkerThread } from '../src/thread/worker-thread.js'

test('a run that overtook another settles, also when the other is recalled afterwards', () => {
  const control = createControl(2)
  const thread = { control, keepProcess() {}, post() {}, wake() {} } as unknown as WorkerThread
  const slots = Slots.allocate(control, 2)
  const lane = new ThreadLane('NPU_0', 2, {} as RunnerModule, {})
  lane.connect({ thread, slots, outbox: new Outbox(thread, slots, true), cancelToken: undefined })
  const done: number[] = []
  const start = (job: number): DriverRun => {
    const run = {
      ...{
        job,
        lane: 0,
        lend: false,
        inputs: [tensor('float32', [1])],
        inputNames: ['x'],
        outputs: [undefined],
      },
      done: (_: RunAnswer) => done.push(job),
      fail: () => done.push(-job),
      giveBack: () => done.push(-job),
      lose: () => done.push(-job),
    }
    lane.start(run)
    return run
  }
  const first = start(1)
  const second = start(2)
  // The worker has seen that the first slot is the oldest; before it takes it, main recalls the run and puts another there.
  expect(lane.recall(first)).toBe(true)
  start(3)
  expect(slots.move(0, State.ready, State.running)).toBe(true)
  slots.writeAnswer(0, { startedAt: 0, endedAt: 0, bytesCopied: 0 }, false)
  slots.setState(0, State.done)
  lane.onAnswer()
  expect(lane.recall(second)).toBe(true)
  expect(done).toEqual([3])
})
