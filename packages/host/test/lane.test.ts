import { type DriverRun, tensor } from '@xpu-hal/core/backend'
import { expect, test } from 'vitest'
import { WorkerLane } from '../src/lane.js'
import type { Limits } from '../src/options.js'
import type { RunnerModule } from '../src/runner.js'
import { Outbox } from '../src/worker/outbox.js'
import type { RemoteWorker } from '../src/worker/remote-worker.js'
import { Slots, State } from '../src/worker/slots.js'

/** A lane without a worker: the test does what it would do. */
function laneAlone(module: Partial<RunnerModule> = {}, limits: Limits = {}) {
  const gaveUp: string[] = []
  const worker = {
    lends: true,
    addressOf: () => 1,
    flush() {},
    keepProcess() {},
    post() {},
    wake() {},
    giveUp: (why: string) => gaveUp.push(why),
  } as unknown as RemoteWorker
  const slots = new Slots(new SharedArrayBuffer(Slots.bytes(2, 2)), 2, 2)
  const lane = new WorkerLane('NPU_0', 2, module as RunnerModule, limits)
  lane.connect({ worker, slots, outbox: new Outbox(worker, slots, true), cancelToken: 1n })
  return { lane, slots, gaveUp }
}

function runOf(job: number, settled: (job: number) => void): DriverRun {
  const fail = () => settled(-job)
  const tensors = { inputs: [tensor('float32', [1])], inputNames: ['x'], outputs: [undefined] }
  return { job, lane: 0, ...tensors, done: () => settled(job), fail, giveBack: fail, lose: fail }
}

test('a run whose answer lies there unseen, because the event loop stood still, is no reason for alarm', async () => {
  const interrupted: string[] = []
  let alarm = () => {}
  const alarmed = new Promise<void>((resolve) => {
    alarm = resolve
  })
  // Both timers are set at the same time, so the first has been looked at when the second goes off.
  const answered = laneAlone({ interrupt: () => interrupted.push('answered') }, { interrupt: 5, run: 10 })
  const stuck = laneAlone({ interrupt: () => interrupted.push('stuck') }, { interrupt: 5, run: 10 })
  answered.lane.start(runOf(1, () => {}))
  stuck.lane.start(runOf(2, () => {}))
  const last = laneAlone({ interrupt: () => alarm() }, { interrupt: 30 })
  last.lane.start(runOf(3, () => {}))
  answered.slots.setState(0, State.done)
  for (const { slots } of [stuck, last]) slots.setState(0, State.running)
  await alarmed
  expect(interrupted).toEqual(['stuck'])
  expect(answered.gaveUp).toEqual([])
  expect(stuck.gaveUp).toEqual([expect.stringContaining('for 10 ms')])
  for (const { lane } of [answered, stuck, last]) lane.end()
})

test('a run that overtook another settles, also when the other is recalled afterwards', () => {
  const { lane, slots } = laneAlone()
  const done: number[] = []
  const start = (job: number): DriverRun => {
    const run = runOf(job, (settled) => done.push(settled))
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
