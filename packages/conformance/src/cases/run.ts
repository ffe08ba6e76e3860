import assert from 'node:assert/strict'
import { type Inputs, type Outputs, type Tensor, tensor } from '@xpu-hal/core'
import { rejects, sameOutputs, sameTensor, snapshot, throws } from '../assert.js'
import type { Case } from '../case.js'
import { bytesOf } from '../models/values.js'

const invalid = 'HAL_INVALID_ARGUMENT'
const missing = undefined as unknown as Inputs

export const run: readonly Case[] = [
  {
    id: 'run/inputs-by-name',
    title: 'inputs by name, in any order, give every output under its name',
    models: ['add'],
    async run({ open, sample }) {
      const engine = await open('add')
      const { inputs, outputs } = sample('add')
      sameOutputs(await engine.run(inputs), outputs)
      const { a, b } = inputs as { a: Tensor; b: Tensor }
      sameOutputs(await engine.run({ b, a }), outputs)
    },
  },
  {
    id: 'run/inputs-in-order',
    title: 'a list of tensors is taken in the order of engine.inputs',
    models: ['several-outputs'],
    async run({ open, sample }) {
      const engine = await open('several-outputs')
      const { inputs, outputs } = sample('several-outputs')
      sameOutputs(await engine.run(engine.inputs.map(({ name }) => inputs[name] as Tensor)), outputs)
      await rejects(engine.run([]), invalid)
    },
  },
  {
    id: 'run/inputs-as-bytes',
    title: 'one byte array is cut into the inputs, aligned or not; another length is refused',
    models: ['several-outputs'],
    async run({ open, sample }) {
      const engine = await open('several-outputs')
      const { inputs, outputs } = sample('several-outputs')
      const parts = engine.inputs.map(({ name }) => bytesOf(inputs[name] as Tensor))
      for (const offset of [0, 1]) {
        const bytes = new Uint8Array(offset + 32).subarray(offset)
        bytes.set(parts[0] as Uint8Array)
        bytes.set(parts[1] as Uint8Array, 16)
        sameOutputs(await engine.run(bytes), outputs)
      }
      await rejects(engine.run(new Uint8Array(31)), invalid, '32', '31')
    },
  },
  {
    id: 'run/missing-inputs',
    title: 'a call without inputs gives a TypeError',
    models: ['add'],
    async run({ open }) {
      const engine = await open('add')
      await assert.rejects(engine.run(missing), TypeError)
      await assert.rejects(engine.runAsync(missing), TypeError)
      assert.throws(() => engine.tryRunAsync(missing), TypeError)
    },
  },
  {
    id: 'run/several-outputs',
    title: 'a model with several outputs gives all of them, in the order of engine.outputs',
    models: ['several-outputs'],
    async run({ open, sample }) {
      const engine = await open('several-outputs')
      const { inputs, outputs } = sample('several-outputs')
      sameOutputs(await engine.run(inputs), outputs)
    },
  },
  {
    id: 'run/concurrent-runs',
    title: 'of runs at the same time, each gets its own outputs',
    models: ['mid'],
    async run({ open, sample }) {
      const engine = await open('mid')
      const answers = await Promise.all(
        Array.from({ length: 32 }, (_, i) => engine.run(sample('mid', i).inputs)),
      )
      for (const [i, answer] of answers.entries()) sameOutputs(answer, sample('mid', i).outputs)
    },
  },
  {
    id: 'run/outputs-belong-to-the-caller',
    title: 'later runs, with a callback or without, do not touch the outputs of earlier ones',
    models: ['mid'],
    async run({ open, sample }) {
      const engine = await open('mid')
      engine.registerCallback(() => {})
      const kept: { answer: Outputs; copy: Outputs }[] = []
      for (let i = 0; i < 8; i++) {
        // The ones in between are delivered to the callback alone, so that their memory is free for what follows.
        await engine.runAsync(sample('mid', 100 + i).inputs)
        const answer = await engine.run(sample('mid', i).inputs)
        kept.push({ answer, copy: snapshot(answer) })
      }
      for (const { answer, copy } of kept) sameOutputs(answer, copy)
    },
  },
  {
    id: 'run/inputs-stay-unchanged',
    title: 'a run does not write to its inputs',
    models: ['add'],
    async run({ open, sample }) {
      const engine = await open('add')
      const { inputs } = sample('add')
      const before = snapshot({ ...inputs })
      await engine.run(inputs)
      sameOutputs({ ...inputs }, before)
    },
  },
  {
    id: 'run/caller-outputs',
    title: "the caller's output tensors are written to and are the very ones returned",
    models: ['several-outputs'],
    async run({ open, sample }) {
      const engine = await open('several-outputs')
      const { inputs, outputs } = sample('several-outputs')
      const shared = tensor('float32', [4])
      const plain: Tensor = { dataType: 'int64', shape: [2], data: new BigInt64Array(2) }
      const answer = await engine.run(inputs, { outputs: { doubled: shared, n_copy: plain } })
      sameOutputs(answer, outputs)
      assert.equal(answer.doubled?.data, shared.data)
      assert.equal(answer.n_copy?.data, plain.data)
    },
  },
  {
    id: 'run/caller-outputs-in-dynamic-models',
    title: "the caller's output tensor is used where the shape is known only at run time, if it fits",
    models: ['dynamic'],
    async run({ open }) {
      const engine = await open('dynamic')
      const x = tensor('float32', [2, 3], [1, 2, 3, 4, 5, 6])
      const mine = tensor('float32', [2, 3])
      const { y } = await engine.run({ x }, { outputs: { y: mine } })
      assert.equal(y?.data, mine.data)
      sameTensor(y, x)
      await rejects(engine.run({ x }, { outputs: { y: tensor('float32', [1, 3]) } }), invalid, 'y')
    },
  },
  {
    id: 'run/wrong-caller-outputs',
    title: "a caller's output tensor of another name, type or shape is refused and named",
    models: ['add'],
    async run({ open, sample }) {
      const engine = await open('add')
      const { inputs } = sample('add')
      const given = (outputs: Record<string, Tensor>) => engine.run(inputs, { outputs })
      await rejects(given({ sums: tensor('float32', [4]) }), invalid, 'sums')
      await rejects(given({ sum: tensor('float32', [5]) }), invalid, 'sum')
      await rejects(given({ sum: tensor('int32', [4]) }), invalid, 'sum')
      assert.equal(engine.load, 0)
    },
  },
  {
    id: 'run-sync/same-answer',
    title: 'runSync gives what run gives, also into tensors of the caller',
    models: ['add'],
    requires: ({ capabilities }) => (capabilities.runSync ? undefined : 'runSync is not implemented'),
    async run({ open, sample }) {
      const engine = await open('add')
      const { inputs, outputs } = sample('add')
      sameOutputs(engine.runSync(inputs), outputs)
      const sum = tensor('float32', [4])
      assert.equal(engine.runSync(inputs, { outputs: { sum } }).sum?.data, sum.data)
      sameTensor(sum, outputs.sum as Tensor)
      throws(() => engine.runSync({ a: sum }), invalid, 'b')
      assert.throws(() => engine.runSync(missing), TypeError)
    },
  },
  {
    id: 'run-sync/past-the-queue',
    title: 'runSync does not wait for runs that are queued, and does not disturb them',
    models: ['slow'],
    requires: ({ capabilities }) => (capabilities.runSync ? undefined : 'runSync is not implemented'),
    async run({ open, sample }) {
      const engine = await open('slow', { boundOption: 'NPU_0', workers: 1, maxLoad: 4 })
      const { inputs, outputs } = sample('slow')
      const runs = Array.from({ length: 4 }, () => engine.run(inputs))
      const other = sample('slow', 5)
      sameOutputs(engine.runSync(other.inputs), other.outputs)
      for (const answer of await Promise.all(runs)) sameOutputs(answer, outputs)
    },
  },
  {
    id: 'run-sync/unimplemented',
    title: 'where the device cannot, runSync throws HAL_UNIMPLEMENTED',
    models: ['add'],
    requires: ({ capabilities }) => (capabilities.runSync ? 'runSync is implemented' : undefined),
    async run({ open, sample }) {
      const engine = await open('add')
      throws(() => engine.runSync(sample('add').inputs), 'HAL_UNIMPLEMENTED')
    },
  },
]
