import assert from 'node:assert/strict'
import type { EngineOptions, Option } from '@xpu-hal/core'
import { rejects } from '../assert.js'
import type { Case } from '../case.js'

const invalid = 'HAL_INVALID_ARGUMENT'

/** Values that an option of this type must not take. */
function wrongTypes(option: Option): unknown[] {
  switch (option.type) {
    case 'string':
      return [42]
    case 'boolean':
      return ['yes', 1]
    case 'integer':
      return ['many', 1.5, Number.NaN]
    case 'number':
      return ['many', Number.NaN]
    case 'enum':
      return ['no such value', 42]
    case 'strings':
      return [42, [42]]
    case 'list':
      return [42, [], [42.5], ['a', 0]]
    case 'record':
      return [42, { key: 42 }]
    case 'settings':
      return [42, true, null, [], ...within(option, wrongTypes)]
  }
}

/** Values of `settings` with a setting that it must not take. */
function within({ settings = [] }: Option, wrong: (setting: Option) => unknown[]): unknown[] {
  const needed = settings.filter(({ required }) => required)
  const good = Object.fromEntries(needed.map(({ name, min }) => [name, min ?? 1]))
  return settings.flatMap((setting) => wrong(setting).map((value) => ({ ...good, [setting.name]: value })))
}

/** An option as a program without type checks may give it. */
function given(name: string, value: unknown): EngineOptions {
  return { [name]: value } as EngineOptions
}

function outOfRange(option: Option): unknown[] {
  const { type, min, max } = option
  if (type === 'settings') return within(option, outOfRange)
  return [...(min === undefined ? [] : [min - 1]), ...(max === undefined ? [] : [max + 1])]
}

export const options: readonly Case[] = [
  {
    id: 'options/declared',
    title: 'options have unique names and a description, and their defaults lie in their own range',
    models: [],
    async run({ device }) {
      const names = device.options.map(({ name }) => name)
      assert.equal(new Set(names).size, names.length, 'option names are unique')
      for (const { name, description, default: value, values, min, max, type } of device.options) {
        assert.ok(description.length > 0, `option ${name} has a description`)
        if (type === 'enum')
          assert.ok(values !== undefined && values.length > 0, `option ${name} lists its values`)
        if (type === 'enum' && value !== undefined)
          assert.ok(values?.includes(value as string), `default of ${name}`)
        if (typeof value === 'number')
          assert.ok(value >= (min ?? value) && value <= (max ?? value), `default of ${name}`)
      }
    },
  },
  {
    id: 'options/unknown-name',
    title: 'an unknown option is refused, with the likely spelling',
    models: ['add'],
    async run({ open }) {
      await rejects(open('add', { maxLaod: 1 }), invalid, 'maxLaod', 'maxLoad')
      await rejects(open('add', { boundoption: 'NPU_0' }), invalid, 'boundoption', 'boundOption')
      const misspelt = { maxSize: 4, maxdelay: 1 }
      await rejects(open('add', { batching: misspelt }), invalid, 'batching', 'maxdelay', 'maxDelay')
    },
  },
  {
    id: 'options/wrong-type',
    title: 'a value of the wrong type is refused and the option named, for every option and what it holds',
    models: ['add'],
    async run({ open, device }) {
      for (const option of device.options) {
        for (const value of wrongTypes(option)) {
          await rejects(open('add', given(option.name, value)), invalid, option.name)
        }
      }
    },
  },
  {
    id: 'options/out-of-range',
    title: 'a number outside the range is refused and the option named, for every option',
    models: ['add'],
    async run({ open, device }) {
      for (const option of device.options) {
        for (const value of outOfRange(option))
          await rejects(open('add', given(option.name, value)), invalid, option.name)
      }
    },
  },
  {
    id: 'options/absent-core',
    title: 'boundOption is refused when it names a core that the device does not have',
    models: ['add'],
    requires: ({ cores }) =>
      cores.length < 3 ? undefined : 'the device has every core that boundOption can name',
    async run({ open }) {
      await rejects(open('add', { boundOption: 'NPU_2' }), invalid, 'boundOption')
    },
  },
  {
    id: 'options/bound-core',
    title: 'runs of an engine bound to one core execute there',
    models: ['add'],
    async run({ open, sample, device }) {
      const [first, second] = device.cores
      for (const [name, core] of [['NPU_0', first] as const, ['NPU_1', second] as const]) {
        if (core === undefined) continue
        const engine = await open('add', { boundOption: name })
        const cores: string[] = []
        engine.on('run', (metrics) => cores.push(metrics.core))
        for (let i = 0; i < 3; i++) await engine.run(sample('add').inputs)
        assert.deepEqual(cores, [core.id, core.id, core.id])
      }
    },
  },
  {
    id: 'options/defaults',
    title: 'engine.options holds what was given, and the defaults of the rest',
    models: ['add'],
    async run({ open }) {
      const engine = await open('add', { maxLoad: 7 })
      assert.equal(engine.options.maxLoad, 7)
      for (const { name, default: value } of engine.device.options) {
        assert.ok(value === undefined || engine.options[name] !== undefined, `option ${name} has its default`)
      }
    },
  },
  {
    id: 'options/workers',
    title: "engine.options tells how many workers there are, also where 'auto' or nothing was asked for",
    models: ['add'],
    async run({ open }) {
      const [one, auto, missing] = [
        await open('add', { workers: 1 }),
        await open('add', { workers: 'auto' }),
        await open('add'),
      ].map(({ options }) => options.workers)
      assert.equal(one, 1)
      assert.ok(Number.isInteger(auto) && Number(auto) >= 1, `a number of workers, not ${String(auto)}`)
      assert.equal(auto, missing, "'auto' is what leaving it out is")
    },
  },
  {
    id: 'options/refusal-leaves-the-device-usable',
    title: 'after a refused option the device opens the model with good ones',
    models: ['add'],
    async run({ open, sample }) {
      await rejects(open('add', given('maxLoad', 'many')), invalid, 'maxLoad')
      const engine = await open('add')
      await engine.run(sample('add').inputs)
    },
  },
]
