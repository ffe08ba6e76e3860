import fc from 'fast-check'
import { expect, it } from 'vitest'
import { fuzz } from '../../../test/fuzz.ts'
import type { DriverRun } from '../src/backend.ts'
import { now } from '../src/clock.ts'
import { HalError, type Outputs, type RunOptions, type Tensor, tensor } from '../src/index.ts'
import { cores, flush, type ManualEngine, openManual } from './fixtures/manual-backend.ts'

const OPEN = { dataType: 'float32', shape: [-1, 2] } as const

type Action =
  | { readonly kind: 'submit'; readonly rows: number; readonly options: number }
  | { readonly kind: 'answer' | 'fail' | 'lose' | 'giveBack' | 'abort'; readonly which: number }

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('submit' as const),
      rows: fc.integer({ min: 1, max: 9 }),
      options: fc.nat(31),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('answer' as const), which: fc.nat(7) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('fail' as const, 'lose' as const, 'giveBack' as const, 'abort' as const),
      which: fc.nat(7),
    }),
  },
)

/** Every value of a request is its own, so that rows of others show. */
function valuesOf(request: number, rows: number): number[] {
  return Array.from({ length: rows * 2 }, (_, i) => request * 100 + i)
}

function doubled(driver: ManualEngine, run: DriverRun): void {
  const [x] = run.inputs as [Tensor<'float32'>]
  const target = run.outputs[0] ?? tensor('float32', x.shape)
  for (const [i, value] of x.data.entries()) target.data[i] = 2 * value
  const endedAt = now()
  letGo(driver, run).done({ outputs: [target], startedAt: endedAt - 1, endedAt, bytesCopied: 0 })
}

function letGo(driver: ManualEngine, run: DriverRun): DriverRun {
  driver.held.splice(driver.held.indexOf(run), 1)
  return run
}

it('requests that are joined and split get their own rows, whatever becomes of the others', async () => {
  let joined = 0
  const setup = fc.record({
    maxSize: fc.integer({ min: 2, max: 6 }),
    depth: fc.integer({ min: 1, max: 2 }),
    memory: fc.constantFrom('shared' as const, 'any' as const),
    recall: fc.boolean(),
    ordered: fc.boolean(),
    actions: fc.array(action, { maxLength: 50 }),
  })
  await fuzz(2_000, setup, async ({ maxSize, depth, memory, recall, ordered, actions }) => {
    const { engine, driver } = await openManual(
      {
        ...{ cores: cores(2), depth, memory, recall },
        inputs: [{ ...OPEN, name: 'x' }],
        outputs: [{ ...OPEN, name: 'y' }],
      },
      { batching: { maxSize, maxDelay: 0 }, maxLoad: 1000, bufferCount: 4, ordered },
    )
    engine.on('error', () => {})
    const aborts: AbortController[] = []
    const results: { readonly expected: number[]; readonly settled: Promise<Outputs | HalError> }[] = []
    for (const [i, step] of actions.entries()) {
      if (step.kind === 'submit') {
        const expected = valuesOf(i, step.rows)
        const stop = new AbortController()
        const [own, signal, repeatable, plain, low] = [1, 2, 4, 8, 16].map((bit) => (step.options & bit) > 0)
        if (signal) aborts.push(stop)
        const options: RunOptions = {
          ...(own && { outputs: { y: tensor('float32', [step.rows, 2]) } }),
          ...(signal && { signal: stop.signal }),
          ...(low && { priority: 'low' }),
          repeatable: repeatable === true,
        }
        const shape = [step.rows, 2]
        const x = plain
          ? ({ dataType: 'float32', shape, data: Float32Array.from(expected) } as const)
          : tensor('float32', shape, expected)
        results.push({ expected, settled: engine.run({ x }, options).catch((error) => error) })
      } else if (step.kind === 'abort') aborts[step.which % Math.max(aborts.length, 1)]?.abort()
      else {
        const run = driver.held[step.which % Math.max(driver.held.length, 1)]
        if (run === undefined) continue
        if (step.kind === 'answer') doubled(driver, run)
        else if (step.kind === 'giveBack') letGo(driver, run).giveBack()
        else if (step.kind === 'fail') driver.fail(new Error('broken'), run)
        else driver.fail(new HalError('HAL_DEVICE_LOST', 'gone'), run)
      }
      if (i % 2 === 0) await flush()
    }
    const closing = engine.close()
    for (let i = 0; engine.load > 0 || driver.held.length > 0; i++) {
      expect(i, 'something never settles').toBeLessThan(500)
      for (const run of [...driver.held]) doubled(driver, run)
      await flush()
    }
    await closing
    for (const { expected, settled } of results) {
      const result = await settled
      if (result instanceof Error) expect(HalError.isInstance(result), String(result)).toBe(true)
      else expect(Array.from(result.y?.data as Float32Array)).toEqual(expected.map((value) => 2 * value))
    }
    const { accepted, succeeded, failed, cancelled, timedOut, batchSize, load } = engine.stats()
    expect([succeeded + failed + cancelled + timedOut, load]).toEqual([accepted, 0])
    expect(batchSize.max).toBeLessThanOrEqual(maxSize)
    joined += batchSize.count > 0 && batchSize.max > 1 ? 1 : 0
  })
  expect(joined).toBeGreaterThan(100)
})
