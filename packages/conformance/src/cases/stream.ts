import assert from 'node:assert/strict'
import { type Inputs, type Outputs, tensor } from '@xpu-hal/core'
import { rejects, sameOutputs } from '../assert.js'
import type { Case, CaseContext } from '../case.js'

/** Inputs of `mid`, one after the other, that remember how far they were taken and whether they were let go. */
class Source implements AsyncIterable<Inputs> {
  taken = 0
  released = false

  constructor(
    private readonly context: CaseContext,
    private readonly length: number,
  ) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<Inputs> {
    try {
      while (this.taken < this.length) yield this.context.sample('mid', this.taken++).inputs
    } finally {
      this.released = true
    }
  }
}

export const stream: readonly Case[] = [
  {
    id: 'stream/order',
    title: 'stream yields the outputs in the order of the items',
    models: ['mid'],
    async run({ open, sample }) {
      const engine = await open('mid')
      const items = Array.from({ length: 40 }, (_, i) => sample('mid', i).inputs)
      let count = 0
      for await (const outputs of engine.stream(items)) sameOutputs(outputs, sample('mid', count++).outputs)
      assert.equal(count, 40)
    },
  },
  {
    id: 'stream/async-iterable',
    title: 'stream takes async iterables, and ends when they end',
    models: ['mid'],
    async run(context) {
      const engine = await context.open('mid')
      const source = new Source(context, 10)
      let count = 0
      for await (const outputs of engine.stream(source))
        sameOutputs(outputs, context.sample('mid', count++).outputs)
      assert.equal(count, 10)
      assert.ok(source.released)
    },
  },
  {
    id: 'stream/empty',
    title: 'a stream of nothing yields nothing',
    models: ['add'],
    async run({ open }) {
      const engine = await open('add')
      for await (const _ of engine.stream([])) assert.fail('an output without an input')
    },
  },
  {
    id: 'stream/bounded',
    title: 'stream takes a bounded number of items ahead of what was consumed',
    models: ['mid'],
    async run(context) {
      const engine = await context.open('mid', { maxLoad: 2 })
      const source = new Source(context, 200)
      let consumed = 0
      for await (const outputs of engine.stream(source)) {
        sameOutputs(outputs, context.sample('mid', consumed++).outputs)
        assert.ok(source.taken - consumed < 50, `${source.taken} items taken, ${consumed} consumed`)
        if (consumed === 100) break
      }
    },
  },
  {
    id: 'stream/early-break',
    title: 'leaving the loop releases the source and every run under way',
    models: ['mid'],
    async run(context) {
      const engine = await context.open('mid', { maxLoad: 4 })
      const source = new Source(context, 1000)
      let count = 0
      for await (const outputs of engine.stream(source)) {
        sameOutputs(outputs, context.sample('mid', count++).outputs)
        if (count === 3) break
      }
      assert.ok(source.released, 'the source was let go')
      sameOutputs(await engine.run(context.sample('mid', 7).inputs), context.sample('mid', 7).outputs)
      await engine.close()
      assert.equal(engine.load, 0)
    },
  },
  {
    id: 'stream/failed-run-throws',
    title: 'an item that fails throws its error in its place, after the outputs before it',
    models: ['add'],
    async run({ open, sample }) {
      const engine = await open('add')
      const { inputs, outputs } = sample('add')
      const bad = { ...inputs, b: tensor('float32', [5]) }
      const seen: Outputs[] = []
      const consume = async () => {
        for await (const answer of engine.stream([inputs, inputs, bad, inputs])) seen.push(answer)
      }
      await rejects(consume(), 'HAL_INVALID_ARGUMENT', "'b'")
      assert.equal(seen.length, 2)
      for (const answer of seen) sameOutputs(answer, outputs)
      sameOutputs(await engine.run(inputs), outputs)
    },
  },
  {
    id: 'stream/source-throws',
    title: 'what the source throws comes out of the stream unchanged',
    models: ['add'],
    async run({ open, sample }) {
      const engine = await open('add')
      const broken = new Error('camera unplugged')
      async function* source(): AsyncGenerator<Inputs> {
        yield sample('add').inputs
        throw broken
      }
      const consume = async () => {
        for await (const answer of engine.stream(source())) sameOutputs(answer, sample('add').outputs)
      }
      await assert.rejects(consume(), (error) => error === broken)
      sameOutputs(await engine.run(sample('add').inputs), sample('add').outputs)
    },
  },
  {
    id: 'stream/signal',
    title: 'a signal ends the stream with HAL_ABORTED and releases the source',
    models: ['mid'],
    async run(context) {
      const engine = await context.open('mid', { maxLoad: 2 })
      const source = new Source(context, 1000)
      const controller = new AbortController()
      const consume = async () => {
        for await (const _ of engine.stream(source, { signal: controller.signal })) controller.abort('enough')
      }
      assert.equal((await rejects(consume(), 'HAL_ABORTED')).cause, 'enough')
      assert.ok(source.released, 'the source was let go')
      sameOutputs(await engine.run(context.sample('mid').inputs), context.sample('mid').outputs)
    },
  },
]
