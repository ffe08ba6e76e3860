import assert from 'node:assert/strict'
import { HalError, tensor } from '@xpu-hal/core'
import { rejects, sameOutputs, throws } from '../assert.js'
import type { Case } from '../case.js'
import { backlog, serial } from './helpers.js'

export const lifecycle: readonly Case[] = [
  {
    id: 'lifecycle/open-run-close',
    title: 'a model opens, answers and closes',
    models: ['add'],
    async run({ open, sample, device }) {
      const engine = await open('add')
      assert.equal(engine.device.id, device.id)
      assert.ok(engine.id.length > 0, 'an engine has an id')
      const { inputs, outputs } = sample('add')
      sameOutputs(await engine.run(inputs), outputs)
      await engine.close()
    },
  },
  {
    id: 'lifecycle/selection',
    title: 'engine.selection tells which device was taken',
    models: ['add'],
    async run({ open, device }) {
      const { selection } = await open('add')
      const taken = selection.filter((choice) => choice.taken)
      assert.deepEqual(
        taken.map((choice) => choice.device),
        [device.id],
      )
      for (const { device: id, reason } of selection) assert.ok(reason.length > 0, `a reason for ${id}`)
    },
  },
  {
    id: 'lifecycle/every-isolation',
    title: 'every isolation that the device lists opens, answers and closes',
    models: ['add'],
    async run({ open, sample, device }) {
      const { inputs, outputs } = sample('add')
      for (const isolation of device.capabilities.isolation) {
        const engine = await open('add', { isolation })
        assert.equal(engine.options.isolation, isolation)
        sameOutputs(await engine.run(inputs), outputs)
        await engine.close()
      }
    },
  },
  {
    id: 'lifecycle/close-is-idempotent',
    title: 'every close() gives the same promise',
    models: ['add'],
    async run({ open }) {
      const engine = await open('add')
      const first = engine.close()
      assert.equal(engine.close(), first, 'while closing')
      await first
      assert.equal(engine.close(), first, 'when closed')
      await engine.close()
    },
  },
  {
    id: 'lifecycle/await-using',
    title: 'Symbol.asyncDispose closes the engine',
    models: ['add'],
    async run({ open, sample }) {
      const engine = await open('add')
      await engine[Symbol.asyncDispose]()
      await rejects(engine.run(sample('add').inputs), 'HAL_FAILED_PRECONDITION')
    },
  },
  {
    id: 'lifecycle/use-after-close',
    title: 'after close() every way of running fails with HAL_FAILED_PRECONDITION',
    models: ['add'],
    async run({ open, sample }) {
      const engine = await open('add')
      const { inputs } = sample('add')
      await engine.close()
      const closed = 'HAL_FAILED_PRECONDITION'
      await rejects(engine.run(inputs), closed)
      await rejects(engine.runAsync(inputs), closed)
      throws(() => engine.tryRunAsync(inputs), closed)
      for (const result of await engine.runBatch([inputs])) {
        await rejects(
          result.status === 'rejected' ? Promise.reject(result.reason) : Promise.resolve(),
          closed,
        )
      }
      await rejects(engine.stream([inputs]).next(), closed)
    },
  },
  {
    id: 'lifecycle/run-sync-after-close',
    title: 'after close() runSync fails with HAL_FAILED_PRECONDITION',
    models: ['add'],
    requires: ({ capabilities }) => (capabilities.runSync ? undefined : 'runSync is not implemented'),
    async run({ open, sample }) {
      const engine = await open('add')
      await engine.close()
      throws(() => engine.runSync(sample('add').inputs), 'HAL_FAILED_PRECONDITION')
    },
  },
  {
    id: 'lifecycle/close-lets-accepted-runs-settle',
    title: 'runs that were accepted before close() succeed, queued ones too, and close() waits for them',
    models: ['slow'],
    async run(context) {
      const engine = await context.open('slow', serial)
      const order: string[] = []
      const runs = backlog(engine, context, 4).map(async (run) => {
        const outputs = await run
        order.push('run')
        return outputs
      })
      const closing = engine.close().then(() => order.push('closed'))
      for (const outputs of await Promise.all(runs)) sameOutputs(outputs, context.sample('slow').outputs)
      await closing
      assert.deepEqual(order, ['run', 'run', 'run', 'run', 'closed'])
    },
  },
  {
    id: 'lifecycle/wait-after-close',
    title: 'a result that was not collected before close() can be collected afterwards',
    models: ['add'],
    async run({ open, sample }) {
      const engine = await open('add')
      const { inputs, outputs } = sample('add')
      const job = await engine.runAsync(inputs)
      await engine.close()
      sameOutputs(await engine.wait(job), outputs)
    },
  },
  {
    id: 'lifecycle/close-refuses-waiting-submissions',
    title: 'a submission that was waiting for acceptance when the engine closed fails with HAL_ABORTED',
    models: ['slow'],
    async run({ open, sample }) {
      const engine = await open('slow', { ...serial, maxLoad: 1 })
      const { inputs } = sample('slow')
      const accepted = engine.run(inputs)
      const waiting = rejects(engine.runAsync(inputs), 'HAL_ABORTED')
      const closing = engine.close()
      await waiting
      await Promise.all([accepted, closing])
    },
  },
  {
    id: 'lifecycle/open-many',
    title: 'several engines of one device work at the same time, each with its own results',
    models: ['add'],
    async run({ open, sample }) {
      const engines = await Promise.all(Array.from({ length: 3 }, () => open('add')))
      assert.equal(new Set(engines.map(({ id }) => id)).size, 3, 'engine ids are unique')
      await Promise.all(
        engines.map(async (engine, i) => {
          const { inputs, outputs } = sample('add', i)
          sameOutputs(await engine.run(inputs), outputs)
        }),
      )
      const [first, ...others] = engines
      await first?.close()
      for (const engine of others) sameOutputs(await engine.run(sample('add').inputs), sample('add').outputs)
    },
  },
  {
    id: 'lifecycle/open-again',
    title: 'an engine can be opened and closed again and again',
    models: ['add'],
    async run({ open, sample }) {
      const { inputs, outputs } = sample('add')
      for (let i = 0; i < 5; i++) {
        const engine = await open('add')
        sameOutputs(await engine.run(inputs), outputs)
        await engine.close()
      }
    },
  },
  {
    id: 'lifecycle/hal-close',
    title: 'hal.close() closes the engines and can be called again',
    models: ['add'],
    async run({ hal, open, sample }) {
      const engine = await open('add')
      await hal.close()
      await rejects(engine.run(sample('add').inputs), 'HAL_FAILED_PRECONDITION')
      await hal.close()
    },
  },
  {
    id: 'lifecycle/missing-file',
    title: 'a model file that does not exist fails with HAL_NOT_FOUND and names the file',
    models: [],
    async run({ hal, device }) {
      const opening = hal.openEngine('no-such-model.onnx', { devices: [device.id] })
      await rejects(opening, 'HAL_NOT_FOUND', 'no-such-model.onnx')
    },
  },
  {
    id: 'lifecycle/damaged-model',
    title: 'bytes that are no model fail with a HalError, and the device still serves',
    models: ['add'],
    requires: ({ capabilities }) => (capabilities.modelFromBytes ? undefined : 'models come from files only'),
    async run({ hal, device, open, sample }) {
      const opening = hal.openEngine(new Uint8Array(64).fill(0xa5), { devices: [device.id] })
      const error = await opening.then(
        () => undefined,
        (reason: unknown) => reason,
      )
      assert.ok(HalError.isInstance(error), `expected a HalError, got ${String(error)}`)
      await rejects(hal.openEngine(new Uint8Array(0), { devices: [device.id] }), 'HAL_INVALID_ARGUMENT')
      const engine = await open('add')
      sameOutputs(await engine.run(sample('add').inputs), sample('add').outputs)
    },
  },
  {
    id: 'lifecycle/describes-the-model',
    title: 'inputs, outputs and their sizes are those of the model',
    models: ['several-outputs'],
    async run({ open }) {
      const engine = await open('several-outputs')
      if (engine.inputs.length === 0) {
        assert.equal(engine.inputSize, undefined)
        return
      }
      assert.deepEqual(
        engine.inputs.map(({ name, dataType, shape }) => [name, dataType, [...shape]]),
        [
          ['x', 'float32', [4]],
          ['n', 'int64', [2]],
        ],
      )
      assert.deepEqual(
        engine.outputs.map(({ name }) => name),
        ['copy', 'doubled', 'n_copy'],
      )
      assert.equal(engine.inputSize, 32)
      assert.equal(engine.outputSize, 48)
    },
  },
  {
    id: 'lifecycle/sizes-of-dynamic-models',
    title: 'inputSize and outputSize are undefined where a shape is dynamic',
    models: ['dynamic'],
    async run({ open }) {
      const engine = await open('dynamic')
      assert.equal(engine.inputSize, undefined)
      assert.equal(engine.outputSize, undefined)
    },
  },
  {
    id: 'lifecycle/allocate',
    title: 'allocate() gives zeroed tensors of the shape asked for, and names what is wrong',
    models: ['several-outputs'],
    async run({ open }) {
      const engine = await open('several-outputs')
      const x = engine.allocate('x')
      assert.deepEqual([x.dataType, [...x.shape]], ['float32', [4]])
      assert.deepEqual([...(x.data as Float32Array)], [0, 0, 0, 0])
      assert.equal(engine.allocate('n_copy').dataType, 'int64')
      assert.notEqual(engine.allocate('x').data, x.data)
      throws(() => engine.allocate('no such tensor'), 'HAL_INVALID_ARGUMENT', 'no such tensor')
      throws(() => engine.allocate('x', [5]), 'HAL_INVALID_ARGUMENT', 'x')
    },
  },
  {
    id: 'lifecycle/allocate-dynamic',
    title: 'allocate() wants a shape where the one of the model is dynamic',
    models: ['dynamic'],
    async run({ open }) {
      const engine = await open('dynamic')
      throws(() => engine.allocate('x'), 'HAL_INVALID_ARGUMENT', 'x')
      const made = engine.allocate('x', [2, 3])
      assert.deepEqual([...made.shape], [2, 3])
      made.data[0] = 7
      assert.equal((await engine.run({ x: made })).y?.data[0], 7)
      assert.deepEqual([...((await engine.run({ x: tensor('float32', [1, 3]) })).y?.shape ?? [])], [1, 3])
    },
  },
]
