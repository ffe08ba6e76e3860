import { createHal, type Engine, HalError, type Outputs, type Tensor, tensor } from '@xpu-hal/core'
import { DATA_TYPES } from '@xpu-hal/core/backend'
import fc from 'fast-check'
import { expect, onTestFinished, vi } from 'vitest'
import { fuzz, nastyName, refusal } from '../../../test/fuzz.js'
import { decodeError } from '../src/error.js'
import { host } from '../src/host.js'
import type { HostOptions, Limits } from '../src/options.js'
import { checkAnswer } from '../src/process/answer-check.js'
import { type Arrival, BELL, bell, FrameReader, jsonFrame } from '../src/process/frames.js'
import { unpackOutputs } from '../src/worker/outputs.js'
import { State } from '../src/worker/slots.js'
import { testOnLinux } from './process.js'
import { honest, type Puppet, type Script, stage } from './puppet.js'

vi.mock('../src/process/child.js', async () => ({ Child: (await import('./puppet.js')).Puppet }))

// Most of the time would go into stacks of errors that nobody reads.
Error.stackTraceLimit = 0

function halOf(limits: Limits = {}) {
  const open: Omit<HostOptions<unknown>, 'model' | 'logger'> = {
    module: new URL('file:///none'),
    config: {},
    workers: [{ core: 'NPU_0' }],
    isolation: 'process',
    limits,
  }
  const capabilities = {
    dataTypes: DATA_TYPES,
    dynamicShapes: true,
    modelFromBytes: true,
    runSync: true,
    cancelRunning: false,
    isolation: ['process'] as const,
  }
  const info = { id: 'puppet:0', name: 'puppet', vendor: 'test', kind: 'npu' } as const
  const device = {
    info: { ...info, cores: [{ id: 'NPU_0', slots: 1 }], capabilities },
    options: [],
    doOpen: ({ model, logger }: Pick<HostOptions<unknown>, 'model' | 'logger'>) =>
      host({ ...open, model, logger }),
  }
  const backend = { specVersion: 1, name: 'puppet', version: '1', doDevices: async () => [device] } as const
  return createHal({ backends: [backend] })
}

async function openEngine(limits?: Limits): Promise<Engine> {
  const engine = await halOf(limits).openEngine(new Uint8Array(1))
  onTestFinished(() => engine.close())
  return engine
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** What becomes of a promise; the worker process dies where nothing does for so many turns of the event loop. */
async function settled<T>(promise: Promise<T>): Promise<T> {
  let over = false
  const done = () => {
    over = true
  }
  promise.then(done, done)
  for (let turns = 0; !over; turns++) {
    if (turns === 50) stage.puppets.at(-1)?.kill()
    await turn()
  }
  return promise
}

const x = () => tensor('float32', [4], [1, 2, 3, 4])

const anything = fc.oneof(fc.jsonValue(), fc.constantFrom(null, {}, [], '', 2 ** 53, -1, 1e308))
const size = fc.oneof(
  fc.constantFrom<unknown>(0, 1, 4, 16, 2 ** 32, 2 ** 53 - 1, 2 ** 53, -1, -0, 0.5, 1e308, '4', null),
  fc.nat(200),
)
const texts = fc.array(fc.string(), { maxLength: 6 })
const types = fc.oneof(fc.constantFrom<unknown>('float32', 'string', ...DATA_TYPES), anything)
const shape = fc.oneof(fc.constant([4]), fc.array(size, { maxLength: 10 }), anything)
const output = fc.oneof(
  fc.constant(null),
  fc.record({
    dataType: types,
    shape,
    data: fc.oneof(
      fc.record({ address: size, byteOffset: fc.constantFrom(0, 4), length: size }),
      texts,
      anything,
    ),
  }),
  anything,
)
const code = fc.oneof(fc.constantFrom('HAL_INTERNAL', 'HAL_NONE', '__proto__'), anything)
const named = fc.dictionary(
  fc.oneof(nastyName, fc.constantFrom('code', 'message', 'name', 'stack', 'job')),
  anything,
)
const { error } = fc.letrec((tie) => ({
  error: fc.record(
    {
      name: fc.oneof(fc.string(), anything),
      message: fc.oneof(fc.string(), anything),
      code,
      stack: fc.oneof(fc.string(), anything),
      details: fc.oneof(fc.constant({}), named, anything),
      cause: fc.oneof(
        { maxDepth: 12 },
        anything,
        fc.record({ value: anything }),
        fc.record({ error: tie('error') }),
      ),
    },
    { requiredKeys: ['name', 'message', 'details'] },
  ),
}))
const slot = fc.oneof({ weight: 4, arbitrary: fc.nat(2) }, size)
const message = fc.oneof(
  fc.record({ kind: fc.constantFrom('failure', 'lost', 'reply'), slot, error }),
  fc.record({ kind: fc.constant('reply'), value: anything }),
  fc.record({ kind: fc.constant('room'), bytes: fc.oneof(fc.array(size, { maxLength: 4 }), anything) }),
  fc.record(
    {
      kind: fc.constant('outputs'),
      slot,
      outputs: fc.oneof({ weight: 3, arbitrary: fc.array(output, { maxLength: 2 }) }, anything),
      outputNames: fc.oneof(fc.constant(['y']), fc.array(nastyName, { maxLength: 2 }), anything),
      loan: anything,
    },
    { requiredKeys: ['kind', 'slot', 'outputs'] },
  ),
  anything,
)

/** One thing that a hostile worker does to its channel, or to the memory that it shares. */
type Act =
  | { readonly say: unknown }
  | { readonly json: string }
  | { readonly bytes: Uint8Array }
  | { readonly number: number; readonly at: number }
  | { readonly state: number; readonly of: number }
  | { readonly word: number; readonly value: number }

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ say: message }) },
  fc.record({ json: fc.json() }),
  fc.record({ bytes: fc.oneof(fc.constant(BELL), fc.uint8Array({ maxLength: 40 })) }),
  { weight: 3, arbitrary: fc.record({ number: fc.oneof(fc.double(), fc.nat(5)), at: fc.nat(110) }) },
  { weight: 3, arbitrary: fc.record({ state: fc.oneof(fc.nat(7), fc.integer()), of: fc.nat(2) }) },
  fc.record({ word: fc.nat(4), value: fc.integer() }),
)

function perform(puppet: Puppet, act: Act): void {
  if ('say' in act) puppet.say(act.say)
  else if ('json' in act) puppet.write(jsonFrame(act.json))
  else if ('bytes' in act) puppet.write(act.bytes)
  else if ('state' in act) puppet.slots.setState(act.of, act.state)
  else if ('word' in act) puppet.control[act.word] = act.value
  else {
    const numbers = new Float64Array(puppet.slots.buffer, 0, Math.floor(puppet.slots.buffer.byteLength / 8))
    numbers[act.at % numbers.length] = act.number
  }
}

const acts = fc.array(act, { maxLength: 3 })
const script = fc.record({ before: acts, end: fc.constantFrom('answer', 'die', 'nothing'), after: acts })

/** After whatever a hostile worker did: the engine has a worker that works. */
async function expectRightAnswer(engine: Engine): Promise<void> {
  // What was sent meanwhile arrives.
  for (let turns = 0; turns < 5; turns++) await turn()
  stage.script = undefined
  const { y } = await settled(engine.run({ x: x() }, { repeatable: true }))
  expect([...(y as Tensor<'float32'>).data]).toEqual([1, 2, 3, 4])
}

function expectOutputs({ y, ...others }: Outputs): void {
  expect(others).toEqual({})
  expect(y).toMatchObject({ dataType: 'float32', shape: [4] })
  expect(y?.data).toHaveLength(4)
}

/** Outputs, or an error that is nothing but one. */
async function fate(run: () => Promise<Outputs> | Outputs): Promise<void> {
  const error = await refusal(async () => expectOutputs(await run()), '')
  if (error !== undefined) expect(Object.getPrototypeOf(error)).toBe(HalError.prototype)
}

testOnLinux(
  'whatever a worker process says or writes, the run settles and the next one is right',
  async () => {
    const engine = await openEngine()
    await fuzz(800, script, async ({ before, end, after }) => {
      stage.script = (puppet, slot) => {
        for (const act of before) perform(puppet, act)
        if (end === 'answer') puppet.answer(slot)
        for (const act of after) perform(puppet, act)
        if (end === 'die') puppet.kill()
      }
      stage.puppets.splice(0, stage.puppets.length - 1)
      await fate(() => settled(engine.run({ x: x() })))
      await expectRightAnswer(engine)
    })
    const { load, bytesCopied, run, queueWait } = engine.stats()
    expect(load).toBe(0)
    expect(bytesCopied).toBeGreaterThanOrEqual(0)
    for (const figure of [run.mean, run.min, run.max, queueWait.mean, queueWait.min]) {
      expect(figure).toBeGreaterThanOrEqual(0)
      expect(figure).toBeLessThan(600_000)
    }
  },
  120_000,
)

const info = fc.record({ name: fc.oneof(nastyName, anything), dataType: types, shape })
const infos = fc.oneof(fc.array(info, { maxLength: 3 }), fc.constant(honest.inputs), anything)
const description = fc.oneof(
  fc.record({
    inputs: infos,
    outputs: infos,
    outputShapes: fc.oneof(fc.constantFrom('exact', 'hint'), anything),
  }),
  anything,
)

testOnLinux(
  'whatever a worker process says of its model, the engine opens, or the error names the process',
  async () => {
    const hal = halOf()
    onTestFinished(() => {
      stage.reply = { value: honest }
    })
    const reply = fc.oneof(fc.record({ value: description }), fc.record({ error }), anything)
    await fuzz(500, reply, async (said) => {
      stage.reply = said
      await refusal(async () => {
        const engine = await settled(hal.openEngine(new Uint8Array(1)))
        for (const { name, shape } of [...engine.inputs, ...engine.outputs]) {
          expect(typeof name).toBe('string')
          for (const dimension of shape) expect(dimension).toBeGreaterThanOrEqual(-1)
        }
        await settled(engine.close())
      }, '')
    })
  },
  120_000,
)

testOnLinux(
  'a message is checked in whole: what passes is what a worker says',
  async () => {
    await fuzz(3000, message, async (said) => {
      const json: unknown = JSON.parse(JSON.stringify(said))
      const wrong = await refusal(() => checkAnswer(json), 'the worker process')
      if (wrong !== undefined) return
      const answer = json as ReturnType<typeof checkAnswer>
      if (answer.kind === 'outputs') unpackOutputs([], answer.outputs, () => new Float32Array(0))
      if (!('error' in answer) || answer.error === undefined) return
      const error = HalError.from(decodeError(answer.error))
      expect(await refusal(() => Promise.reject(error), answer.error.message)).toBe(error)
      expect(Object.getPrototypeOf(error)).toBe(HalError.prototype)
    })
  },
  120_000,
)

testOnLinux(
  'bytes of any kind are frames, wait for more, or are damage',
  async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc
        .array(fc.uint8Array({ maxLength: 9 }))
        .map((parts) => Buffer.concat(parts.map((part) => jsonFrame(Buffer.from(part).toString('hex'))))),
    )
    await fuzz(2000, fc.tuple(bytes, fc.integer({ min: 1, max: 400 })), async ([stream, step]) => {
      const arrived: Arrival[] = []
      const reader = new FrameReader()
      const damage = await refusal(() => {
        for (let at = 0; at < stream.length; at += step) reader.read(stream.subarray(at, at + step), arrived)
      }, 'worker process')
      const read = arrived.reduce((sum, body) => sum + 4 + (body === bell ? 0 : body.length), 0)
      expect(read).toBeLessThanOrEqual(stream.length)
      if (damage !== undefined) expect(damage).toMatchObject({ code: 'HAL_DATA_LOSS' })
    })
  },
  120_000,
)

const nested = (depth: number) =>
  '{"error":{"name":"a","message":"b","details":{},"cause":'.repeat(depth) +
  '{"value":0}' +
  '}}'.repeat(depth)
const failure = (cause: string) =>
  `{"kind":"failure","slot":0,"error":{"name":"a","message":"b","details":{},"cause":${cause}}}`

/** What costs far more to take in than to send. */
const corpus: Readonly<Record<string, Script>> = {
  'causes of causes, 1,000 deep': (puppet) => puppet.tell(failure(nested(1000))),
  'causes of causes, 1,000,000 deep': (puppet) => puppet.tell(failure(nested(1_000_000))),
  'twenty million lists': (puppet) => puppet.tell(failure(`{"value":[${'[],'.repeat(20_000_000)}0]}`)),
  'lists in lists, 50,000,000 deep': (puppet) => puppet.tell('['.repeat(50_000_000)),
  'room for two million outputs': (puppet) =>
    puppet.say({ kind: 'room', bytes: new Array(2_000_000).fill(1) }),
  'room for more than there is': (puppet, slot) => {
    puppet.say({ kind: 'room', bytes: new Array(100).fill(2 ** 32 - 1) })
    puppet.answer(slot)
  },
  'requests for room whose answers it never reads': (puppet) => {
    puppet.deaf()
    const ask = jsonFrame('{"kind":"room","bytes":[]}')
    puppet.write(Buffer.concat(new Array<Buffer>(200_000).fill(ask)))
  },
  'a million bells': (puppet, slot) => {
    puppet.write(Buffer.alloc(4_000_000))
    puppet.answer(slot)
  },
  'a million messages without sense': (puppet) => puppet.write(Buffer.alloc(5_000_000, jsonFrame('1'))),
  'an announcement that nothing follows': (puppet) => {
    puppet.write(Buffer.of(0, 0, 0, 16))
    puppet.kill()
  },
  'done, without a bell': (puppet, slot) => {
    puppet.slots.writeAnswer(slot, { startedAt: 0, endedAt: 0, bytesCopied: 0 }, false)
    puppet.slots.setState(slot, State.done)
  },
  'done, with an answer to follow that never does': (puppet, slot) => {
    puppet.slots.writeAnswer(slot, { startedAt: 0, endedAt: 0, bytesCopied: 0 }, true)
    puppet.slots.setState(slot, State.done)
    puppet.write(BELL)
  },
}

testOnLinux.each(Object.keys(corpus))(
  '%s: the run settles, no memory stays, the next run is right',
  async (name) => {
    const engine = await openEngine({ run: 300 })
    await fuzz(1, fc.constant(corpus[name]), async (hostile) => {
      stage.script = hostile
      // By the limit of the engine, where the worker never answers.
      await fate(() => engine.run({ x: x() }))
      await expectRightAnswer(engine)
    })
  },
  120_000,
)
