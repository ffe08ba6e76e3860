import { describe, expect, test } from 'vitest'
import { cores, output, rows, runtimeMissing, start } from './program.js'

describe('run-sync-model', () => {
  test('runs on the calling thread, then on one core, then on all three', async () => {
    const [block, sync, async] = rows(await output('run-sync-model', '--loops', '9'))
    expect(block).toMatchObject({ way: 'runSync', runs: 9, run: 10, where: 'calling thread 9' })
    expect(sync).toMatchObject({ way: 'await run', runs: 9, run: 10, where: 'NPU_0 9' })
    expect(async).toMatchObject({ way: 'all at once', runs: 9, run: 10 })
    expect(cores(async?.where ?? '')).toEqual(['NPU_0', 'NPU_1', 'NPU_2'])
    // Three have to wait for two others each: that is part of their latency.
    expect(async?.latency).toBeGreaterThanOrEqual(19)
  })

  test.each([
    ['name', "input 'pixels' is missing; got 'pixelss'"],
    ['type', "input 'pixels': expected uint8 [1, 16, 16], got float64 [1, 16, 16]"],
    ['shape', "input 'pixels': expected uint8 [1, 16, 16], got uint8 [1, 16, 16, 1]"],
    ['size', 'all inputs together are 256 bytes, got 3'],
  ])('refuses an input of a wrong %s before it runs', async (wrong, message) => {
    const ending = await start('run-sync-model', '--wrong', wrong).ended
    expect(ending).toEqual({ code: 1, stdout: '', stderr: `${message}\n` })
  })

  test('runs on ONNX Runtime', async () => {
    const done = rows(await output('run-sync-model', '--backend', 'ort', '--loops', '3'))
    expect(done.map(({ way, runs }) => [way, runs])).toEqual([
      ['runSync', 3],
      ['await run', 3],
      ['all at once', 3],
    ])
  })
})

describe('run-sync-model-thread', () => {
  test('three threads keep three cores busy, and each gets its own answers', async () => {
    const stdout = await output('run-sync-model-thread', '--loops', '8')
    const answers = [...stdout.matchAll(/^3 threads: thread (\d) did 8 runs; the answer was always (\S+)$/gm)]
    expect(answers.map(([, thread]) => thread)).toEqual(['0', '1', '2'])
    const [first = 0, second, third] = answers.map(([, , answer]) => Number(answer))
    expect(second).toBeCloseTo(2 * first, 3)
    expect(third).toBeCloseTo(3 * first, 3)
    const [one, three] = rows(stdout)
    expect(one).toMatchObject({ way: '1 thread', runs: 8, run: 10 })
    expect(three).toMatchObject({ way: '3 threads', runs: 24, run: 10 })
    expect(cores(three?.where ?? '')).toEqual(['NPU_0', 'NPU_1', 'NPU_2'])
    expect(stdout).toContain('0 bytes were copied')
  })
})

describe('run-sync-model-bound', () => {
  test('uses the cores that the bound option names, and no others', async () => {
    const stdout = await output('run-sync-model-bound', '--loops', '6')
    const used = Object.fromEntries(rows(stdout).map(({ way, where }) => [way, cores(where)]))
    expect(used).toMatchObject({
      'NPU_ALL at once': ['NPU_0', 'NPU_1', 'NPU_2'],
      'NPU_0 sync': ['NPU_0'],
      'NPU_0 at once': ['NPU_0'],
      'NPU_1 sync': ['NPU_1'],
      'NPU_1 at once': ['NPU_1'],
      'NPU_2 sync': ['NPU_2'],
      'NPU_2 at once': ['NPU_2'],
      'NPU_01 at once': ['NPU_0', 'NPU_1'],
      'NPU_12 at once': ['NPU_1', 'NPU_2'],
      'NPU_02 at once': ['NPU_0', 'NPU_2'],
    })
    expect(stdout).toMatch(/^7 engines at the same time: 42 runs in .* on NPU_0 \d+, NPU_1 \d+, NPU_2 \d+$/m)
  })

  test('says which core a device lacks', async () => {
    const { code, stderr } = await start('run-sync-model-bound', '--backend', 'ort', '--bound', 'NPU_2').ended
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "option 'boundOption' asks for core NPU_2, but ort:cpu has CPU\n",
    })
  })
})

describe('inference-options', () => {
  test('has a model on devices 0 and 2 at once', async () => {
    const stdout = await output('inference-options', '--loops', '12')
    expect(stdout).toContain('  1  mock:1  Simulated NPU  NPU_0 NPU_1 NPU_2')
    expect(stdout).toContain('devices ["mock:0","mock:2"], boundOption NPU_ALL, useOrt true, workers 6')
    const [sync, async] = rows(stdout)
    expect(sync).toMatchObject({ way: 'sync', runs: 12 })
    expect(cores(async?.where ?? '')).toEqual([
      'mock:0: NPU_0',
      'NPU_1',
      'NPU_2',
      'mock:2: NPU_0',
      'NPU_1',
      'NPU_2',
    ])
  })

  test('binds it to two cores of each', async () => {
    const flags = ['--devices', '1,2', '--bound', 'NPU_12', '--use-ort', 'false', '--loops', '12']
    const stdout = await output('inference-options', ...flags)
    expect(stdout).toContain('devices ["mock:1","mock:2"], boundOption NPU_12, useOrt false, workers 4')
    const [, async] = rows(stdout)
    expect(cores(async?.where ?? '')).toEqual(['mock:1: NPU_1', 'NPU_2', 'mock:2: NPU_1', 'NPU_2'])
  })

  test.each([
    ['0,7', "there is no device 7; there are: 0 ('mock:0'), 1 ('mock:1'), 2 ('mock:2')"],
    ['x', "--devices takes positions as 0,2, or auto, not 'x'"],
  ])('says what is wrong with --devices %s', async (devices, message) => {
    const { code, stderr } = await start('inference-options', '--devices', devices).ended
    expect({ code, stderr }).toEqual({ code: 1, stderr: `${message}\n` })
  })
})

describe.skipIf(runtimeMissing() !== undefined)('on the reference OAAX runtime', () => {
  test('run-sync-model waits for one run after the other', async () => {
    const done = rows(await output('run-sync-model', '--backend', 'npu', '--loops', '3'))
    expect(done[0]).toMatchObject({ way: 'await run', runs: 3 })
    expect(done.map(({ way }) => way)).toEqual(['await run', 'all at once'])
  })
})
