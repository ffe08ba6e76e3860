import { npu } from '@xpu-hal/backend-npu'
import { describe, expect, test } from 'vitest'
import { quirksOf } from '../src/quirks.js'

// runtime_name and runtime_version as the published sources have them.
test.each([
  ['OAAX CPU Runtime', '1.1.3', { receiving: 'sleeps', inFlight: 4 }],
  ['OAAX Intel Runtime', '1.1.1', { receiving: 'sleeps' }],
  ['OAAX Intel Runtime (OpenVINO Native)', '1.2.0', { receiving: 'polls' }],
  ['CPU Runtime', '1.0.0', { receiving: 'waits' }],
  ['OnnxRuntime', '0.1.0', { receiving: 'waits' }],
  ['DEEPX', '1.3.0', { receiving: 'blocks', freesRefused: true }],
  ['DEEPX', '1.10.0', { receiving: 'blocks', freesRefused: true }],
  ['DEEPX', '1.0.0', { freesRefused: false }],
  ['XPU HAL reference runtime', '0.1.0', { nothingYet: 'no output within', inFlight: 4 }],
  ['MXA', '1.0', {}],
  ['Another runtime', '1.0', {}],
])('%s %s', (name, version, quirks) => {
  const specified = { receiving: 'waits', freesRefused: false, nothingYet: '', inFlight: 1 }
  expect(quirksOf(name, version)).toEqual({ ...specified, ...quirks })
})

test('what the application says counts for more than what is known', () => {
  expect(quirksOf('DEEPX', '1.3.0', { freesRefused: false }).freesRefused).toBe(false)
  expect(quirksOf('OAAX CPU Runtime', '1.1.3', { receiving: 'polls' }).receiving).toBe('polls')
})

test('what the application leaves open stays known', () => {
  const open = { freesRefused: undefined } as never
  expect(quirksOf('DEEPX', '1.3.0', open).freesRefused).toBe(true)
})

describe('a quirk of the application', () => {
  test.each([
    ['has no such name', { recieving: 'waits' }, "no quirk 'recieving'; did you mean 'receiving'?"],
    [
      'has no such value',
      { receiving: 'naps' },
      "receiving is naps; it is 'waits', 'polls', 'sleeps' or 'blocks'",
    ],
    ['has another type', { freesRefused: 'no' }, 'freesRefused is no; it is true or false'],
    ['is no number', { inFlight: 0 }, 'inFlight is 0; it is a whole number from 1 to 256'],
    ['has another type of text', { nothingYet: 5 }, 'nothingYet is 5; it is a string'],
  ])('that %s is refused', (_, quirks, message) => {
    expect(() => npu({ library: 'x', quirks: quirks as never })).toThrow(message)
  })
})
