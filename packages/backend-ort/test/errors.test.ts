import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HalError, type HalErrorCode, tensor } from '@xpu-hal/core'
import { afterAll, describe, expect, test } from 'vitest'
import { API_VERSION } from '../src/native/api.js'
import { loadLibrary } from '../src/native/library.js'
import { availableProviders } from '../src/native/providers.js'
import { rawModel, rawSequence, rawTensor } from './raw-model.js'
import { example, failure, floats, identity, library, model, openHere } from './support.js'

const folder = mkdtempSync(join(tmpdir(), 'xpu-hal-ort-'))
afterAll(() => rmSync(folder, { recursive: true }))

function file(name: string, content: Uint8Array | string): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const value = (name: string) => ({ name, dataType: 'float32', shape: [2] }) as const
const withOperator = (op: string, rest = {}, domain = '') =>
  model([value('x')], [value('y')], [{ op, domain, inputs: ['x'], outputs: ['y'] }], rest)

describe('a model that cannot be loaded is refused, with what to do', () => {
  const cases: [what: string, source: () => Uint8Array | string, HalErrorCode, RegExp][] = [
    [
      'a text file',
      () => file('text.onnx', 'not a model at all'),
      'HAL_INVALID_ARGUMENT',
      /not an ONNX model.*again/,
    ],
    ['text', () => Buffer.from('not a model at all'), 'HAL_INVALID_ARGUMENT', /not an ONNX model/],
    ['zeros', () => new Uint8Array(64), 'HAL_INVALID_ARGUMENT', /not an ONNX model/],
    ['a model cut short', () => identity('float32', [2]).subarray(0, 40), 'HAL_INVALID_ARGUMENT', /damaged/],
    ['no graph', () => Uint8Array.of(8, 7), 'HAL_INVALID_ARGUMENT', /No graph/],
    ['no bytes', () => new Uint8Array(0), 'HAL_INVALID_ARGUMENT', /not valid/],
    ['an empty file', () => file('empty.onnx', ''), 'HAL_INVALID_ARGUMENT', /empty|not/],
    ['a missing file', () => join(folder, 'missing.onnx'), 'HAL_NOT_FOUND', /missing.onnx/],
    ['an unknown operator', () => withOperator('Frobnicate'), 'HAL_UNIMPLEMENTED', /Frobnicate/],
    [
      'an unknown domain',
      () => withOperator('Foo', {}, 'com.example'),
      'HAL_UNIMPLEMENTED',
      /com.example:Foo/,
    ],
    ['a future opset', () => withOperator('Neg', { opset: 999 }), 'HAL_INVALID_ARGUMENT', /lower opset/],
    [
      'a future format',
      () => withOperator('Neg', { irVersion: 99 }),
      'HAL_INVALID_ARGUMENT',
      /too old for the model/,
    ],
    [
      'a dangling input',
      () => model([value('x')], [value('y')], [{ op: 'Neg', inputs: ['q'], outputs: ['y'] }]),
      'HAL_INVALID_ARGUMENT',
      /'q'/,
    ],
  ]
  test.each(cases)('%s', async (_, source, code, message) => {
    const error = await failure(() => openHere(source()))
    expect(error).toMatchObject({ name: 'HalError', code, message: expect.stringMatching(message) })
    expect(error).toMatchObject({
      native: { call: expect.stringMatching(/^CreateSession/), status: /^ORT_/ },
    })
  })

  test('a real model cut in half', async () => {
    const path = example('gauge-reader.onnx')
    if (path === undefined) return
    const bytes = readFileSync(path)
    expect(await failure(() => openHere(bytes.subarray(0, bytes.length / 2)))).toMatchObject({
      code: 'HAL_INVALID_ARGUMENT',
    })
  })
})

describe('inputs and outputs that the HAL has no tensor for are named', () => {
  const cases: [what: string, model: Uint8Array, message: RegExp][] = [
    ['a sequence input', rawModel('Identity', rawSequence, rawSequence), /input x is a sequence/],
    [
      'a sequence output',
      rawModel('SequenceConstruct', rawTensor(1, [2]), rawSequence),
      /output y is a sequence/,
    ],
    ['bfloat16', rawModel('Identity', rawTensor(16, [2]), rawTensor(16, [2])), /input x holds bfloat16/],
    [
      'rank 9',
      rawModel('Identity', rawTensor(1, Array(9).fill(1)), rawTensor(1, Array(9).fill(1))),
      /x has rank 9/,
    ],
    ['an input without a rank', rawModel('Identity', rawTensor(1), rawTensor(1)), /input x has no rank/],
  ]
  test.each(cases)('%s', async (_, bytes, message) => {
    const error = await failure(() => openHere(bytes))
    expect(error).toMatchObject({ code: 'HAL_UNIMPLEMENTED', message: expect.stringMatching(message) })
  })
})

test('an output without a rank comes as it is', async () => {
  using session = await openHere(rawModel('Neg', rawTensor(1, [2]), rawTensor(1)))
  expect(session.run([floats([1, 2])]).outputs).toEqual([floats([-1, -2])])
})

describe('settings', () => {
  const bytes = withOperator('Neg')

  test('an unknown provider names those there are', async () => {
    const error = await failure(() => openHere(bytes, { executionProvider: 'quantum' }))
    expect(error).toMatchObject({ code: 'HAL_UNAVAILABLE' })
    expect(String(error)).toMatch(/'quantum'.*CPUExecutionProvider/)
  })

  test.each(['cpu', 'CPU', 'CPUExecutionProvider'])('the CPU is known as %s', async (executionProvider) => {
    using session = await openHere(bytes, { executionProvider, cpuFallback: false })
    expect(session.run([floats([1, 2])]).outputs).toEqual([floats([-1, -2])])
  })

  test('settings of a provider that has none are refused', async () => {
    const error = await failure(() => openHere(bytes, { executionProviderOptions: { device_id: '1' } }))
    expect(error).toMatchObject({
      code: 'HAL_INVALID_ARGUMENT',
      message: expect.stringMatching(/'device_id'/),
    })
  })

  test('a provider that cannot work here says why', async ({ skip }) => {
    const names = availableProviders(loadLibrary(library).api)
    const cuda = names.find((name) => name.startsWith('CUDA'))
    if (cuda === undefined) skip('this build has no CUDA provider')
    const error = await failure(async () => (await openHere(bytes, { executionProvider: 'cuda' })).close())
    if (!(error instanceof HalError)) skip('CUDA works here')
    expect(error).toMatchObject({
      code: 'HAL_UNAVAILABLE',
      message: expect.stringMatching(/'cuda' cannot be used/),
    })
  })

  test('an operator left for the CPU is an error when that is not allowed', async () => {
    const sessionConfig = { 'session.disable_cpu_ep_fallback': '1' }
    const error = await failure(() => openHere(bytes, { sessionConfig }))
    expect(error).toMatchObject({ code: 'HAL_UNAVAILABLE', message: expect.stringMatching(/useOrt/) })
  })

  test('a wrong configuration entry is named', async () => {
    const error = await failure(() => openHere(bytes, { sessionConfig: { ['k'.repeat(2000)]: 'v' } }))
    expect(error).toMatchObject({
      code: 'HAL_INVALID_ARGUMENT',
      message: expect.stringMatching(/sessionConfig 'kkk/),
    })
  })

  test.each(['directly', 'for_initializers'])('bytes of a model are not used %s', async (how) => {
    const sessionConfig = { [`session.use_ort_model_bytes_${how}`]: '1' }
    expect(await failure(() => openHere(bytes, { sessionConfig }))).toMatchObject({
      code: 'HAL_INVALID_ARGUMENT',
      message: expect.stringMatching(/open a file/),
    })
  })

  test.each(['disabled', 'basic', 'extended', 'layout', 'all'] as const)('optimisation %s', async (level) => {
    using session = await openHere(bytes, {
      graphOptimizationLevel: level,
      executionMode: 'parallel',
      threadsPerWorker: 2,
    })
    expect(session.run([floats([1, 2])]).outputs).toEqual([floats([-1, -2])])
  })

  test('a profile is written when the session is released', async () => {
    const session = await openHere(bytes, { profiling: join(folder, 'profile') })
    session.run([floats([1, 2])])
    session.close()
    expect(readdirSync(folder).filter((name) => /^profile.*\.json$/.test(name))).toHaveLength(1)
  })

  test('a profile in a folder that does not exist is refused', async () => {
    const error = await failure(() => openHere(bytes, { profiling: join(folder, 'no', 'profile') }))
    expect(error).toMatchObject({
      code: 'HAL_INVALID_ARGUMENT',
      message: expect.stringMatching(/no does not exist/),
    })
  })
})

describe('a library that is not right', () => {
  const open = (path: string) => failure(() => openHere(identity('float32', [2]), { library: path }))

  test('a missing file', async () => {
    const error = await open(join(folder, 'libmissing.so'))
    expect(error).toMatchObject({ code: 'HAL_UNAVAILABLE' })
    expect(String(error)).toMatch(/libmissing\.so.*ort\(\{ library \}\)/s)
  })

  test('a file that is no library', async () => {
    const error = await open(file('text.so', 'text'))
    expect(error).toMatchObject({ code: 'HAL_UNAVAILABLE', message: expect.stringMatching(/text\.so/) })
  })

  /** Compiles a library with that source, or skips the test. */
  function compile(name: string, source: string, skip: (reason: string) => void): string {
    const library = join(folder, `${name}.so`)
    try {
      execFileSync('cc', ['-shared', '-fPIC', '-o', library, file(`${name}.c`, source)])
    } catch {
      console.log(`skipped: no C compiler to make ${name} with`)
      skip('no C compiler')
    }
    return library
  }

  test('another library', async ({ skip }) => {
    const error = await open(compile('other', 'int unrelated(void) { return 1; }', skip))
    expect(error).toMatchObject({ code: 'HAL_UNAVAILABLE', message: expect.stringMatching(/OrtGetApiBase/) })
  })

  test('a build that is too old', async ({ skip }) => {
    const source = `
      static const void *api(unsigned version) { __builtin_trap(); }
      static const char *version(void) { return "1.9.1"; }
      static const struct { const void *(*api)(unsigned); const char *(*version)(void); } base = { api, version };
      const void *OrtGetApiBase(void) { return &base; }`
    const error = await open(compile('old', source, skip))
    expect(error).toMatchObject({ code: 'HAL_UNAVAILABLE' })
    expect(String(error)).toMatch(/old\.so is ONNX Runtime 1\.9\.1/)
    expect(String(error)).toContain(`API version is 9; this backend needs ${API_VERSION}`)
  })
})

test('a failed run tells the call, and how it failed', async () => {
  const inputs = [value('x'), { name: 'i', dataType: 'int64', shape: [1] } as const]
  const nodes = [{ op: 'Gather', inputs: ['x', 'i'], outputs: ['y'] }]
  using session = await openHere(model(inputs, [{ name: 'y', dataType: 'float32', shape: [1] }], nodes))
  const error = await failure(() => session.run([floats([1, 2]), tensor('int64', [1], [7n])]))
  expect(error).toMatchObject({
    name: 'HalError',
    native: { call: 'Run' },
    message: expect.stringMatching(/Gather/),
  })
  expect(session.run([floats([1, 2]), tensor('int64', [1], [1n])]).outputs).toEqual([floats([2])])
})

test('more memory than there is: that run alone fails', async () => {
  const shape = ['n', 'm']
  const inputs = [value('x'), { name: 's', dataType: 'int64', shape: [2] } as const]
  const nodes = [{ op: 'ConstantOfShape', inputs: ['s'], outputs: ['y'] }]
  using session = await openHere(model(inputs, [{ name: 'y', dataType: 'float32', shape }], nodes))
  const run = (n: bigint) => session.run([floats([0, 0]), tensor('int64', [2], [n, 1n << 20n])])
  expect(await failure(() => run(1n << 30n))).toMatchObject({ code: 'HAL_RESOURCE_EXHAUSTED' })
})
