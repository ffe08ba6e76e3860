import assert from 'node:assert/strict'
import type { Tensor } from '@xpu-hal/core'
import { rejects, sameOutputs, sameTensor, turn } from '../assert.js'
import type { Case } from '../case.js'
import { runsOverlap } from '../overlap.js'
import { type Thread, withThreads } from '../thread.js'
import { BACKLOG, serial } from './helpers.js'

/** Runs of `slow`, of which most are queued still when a thread has ended. */
const MANY = 4 * BACKLOG

export const share: readonly Case[] = [
  {
    id: 'share/same-answers',
    title: 'an engine gives another thread the same answers',
    models: ['add'],
    async run({ open }) {
      const engine = await open('add')
      await withThreads(engine, 1, (thread: Thread) =>
        thread.do('answers', { model: 'add', seeds: [1, 2, 3] }),
      )
      assert.equal(engine.stats().succeeded, 3)
    },
  },
  {
    id: 'share/several-threads',
    title: 'several threads use an engine at once, and each gets its own answers',
    models: ['mid'],
    async run({ open, sample }) {
      const engine = await open('mid', { maxLoad: 5 })
      await withThreads(engine, 3, async (...threads) => {
        const theirs = threads.map((thread, i) => {
          const seeds = Array.from({ length: 12 }, (_, k) => 100 * i + k)
          return thread.do('answers', { model: 'mid', seeds })
        })
        for (let seed = 900; seed < 906; seed++) {
          sameOutputs(await engine.run(sample('mid', seed).inputs), sample('mid', seed).outputs)
        }
        await Promise.all(theirs)
      })
      assert.equal(engine.stats().succeeded, 42)
    },
  },
  {
    id: 'share/run-sync',
    title: 'runSync stops the thread that calls it alone, also where the backend has none',
    models: ['mid'],
    async run({ open }) {
      const engine = await open('mid')
      await withThreads(engine, 1, (thread: Thread) => thread.do('runSync', { model: 'mid', seed: 4 }))
      assert.equal(engine.load, 0)
    },
  },
  {
    id: 'share/jobs-on-any-thread',
    title: 'a job that one thread has submitted can be waited for on any other, once',
    models: ['add'],
    async run({ open, sample }) {
      const engine = await open('add')
      await withThreads(engine, 2, async (one, other) => {
        const theirs = await (one as Thread).do('submit', { model: 'add', seed: 1 })
        const first = await (one as Thread).do('trySubmit', { model: 'add', seed: 2 })
        const mine = engine.tryRunAsync(sample('add', 3).inputs)
        sameOutputs(await engine.wait(theirs), sample('add', 1).outputs)
        await (other as Thread).do('collect', { model: 'add', seed: 2, job: first })
        await (other as Thread).do('collect', { model: 'add', seed: 3, job: mine })
        for (const job of [theirs, first, mine]) await rejects(engine.wait(job), 'HAL_NOT_FOUND')
      })
    },
  },
  {
    id: 'share/no-copy',
    title:
      'tensors cross by reference: nothing is copied, and what is written to them is seen on either side',
    models: ['add'],
    requires({ capabilities }, isolation) {
      if (capabilities.outputsInPlace === false) return 'outputs lie in memory of the runtime'
      return isolation === 'process' ? 'tensors of other processes cannot cross to threads' : undefined
    },
    async run({ open, sample }) {
      const engine = await open('add')
      await withThreads(engine, 1, async (thread: Thread) => {
        const { a, b, sum } = (await thread.do('allocate')) as Record<string, Tensor>
        assert.ok(a !== undefined && b !== undefined && sum !== undefined)
        for (let seed = 1; seed < 4; seed++) {
          const { inputs, outputs } = sample('add', seed)
          ;(a.data as Float32Array).set(inputs.a?.data as Float32Array)
          ;(b.data as Float32Array).set(inputs.b?.data as Float32Array)
          assert.equal(await thread.do('runAllocated'), 0, 'bytesCopied as the thread sees it')
          sameTensor(sum, outputs.sum as Tensor, 'the tensor of the thread, seen here')
        }
      })
      assert.equal(engine.stats().bytesCopied, 0)
    },
  },
  {
    id: 'share/callback-on-its-thread',
    title: 'the callback is called on the thread that registered it, for runs of all threads',
    models: ['add'],
    async run({ open, sample }) {
      const engine = await open('add')
      await withThreads(engine, 2, async (one, other) => {
        await (one as Thread).do('listen')
        // An answer that comes later than the registration on the same connection.
        await (one as Thread).do('errors')
        const mine = await engine.runAsync(sample('add', 1).inputs, 1)
        const theirs = await (other as Thread).do('submit', { model: 'add', seed: 2 })
        const calls = await (one as Thread).do('called', 2)
        assert.deepEqual(calls.map(({ userArg, job }) => [userArg, job]).sort(), [
          [1, mine],
          [2, theirs],
        ])
        for (const { outputs, userArg } of calls) {
          sameOutputs(outputs, sample('add', userArg as number).outputs)
        }
        await rejects(engine.wait(mine), 'HAL_NOT_FOUND')
      })
    },
  },
  {
    id: 'share/thread-ends',
    title: 'when a thread ends in the middle of its runs, they are over and the engine goes on',
    models: ['slow'],
    requires: runsOverlap,
    async run({ open, sample }) {
      const engine = await open('slow', serial)
      await withThreads(engine, 1, async (thread: Thread) => {
        await thread.do('begin', { model: 'slow', count: MANY })
        while (engine.load < MANY) await turn()
      })
      while (engine.load > 0) await turn()
      sameOutputs(await engine.run(sample('slow').inputs), sample('slow').outputs)
      const { accepted, succeeded, cancelled } = engine.stats()
      assert.equal(accepted, MANY + 1)
      assert.equal(succeeded + cancelled, MANY + 1)
      assert.ok(cancelled > 0, 'those that were queued are cancelled')
    },
  },
  {
    id: 'share/close-leaves-engine-open',
    title: 'close on another thread ends the connection, and leaves the engine open',
    models: ['add'],
    async run({ open, sample }) {
      const engine = await open('add')
      await withThreads(engine, 2, async (one, other) => {
        await (one as Thread).do('close')
        await (other as Thread).do('answers', { model: 'add', seeds: [1] })
      })
      sameOutputs(await engine.run(sample('add').inputs), sample('add').outputs)
    },
  },
  {
    id: 'share/errors',
    title: 'errors keep their code and what they name, and are recognised as HalErrors',
    models: ['add'],
    async run({ open }) {
      const engine = await open('add')
      await withThreads(engine, 1, async (thread: Thread) => {
        const [missing, unknown, none] = await thread.do('errors')
        assert.deepEqual([missing?.code, missing?.isInstance], ['HAL_INVALID_ARGUMENT', true])
        assert.deepEqual([unknown?.code, unknown?.isInstance, unknown?.job], ['HAL_NOT_FOUND', true, -1])
        assert.equal(none?.code, 'TypeError')
      })
    },
  },
]
