import { describe, expect, test } from 'vitest'
import { cores, output, rows, runtimeMissing, start } from './program.js'

function order(stdout: string): number[] {
  const [, list = ''] = /^called back in the order ([\d ]+)$/m.exec(stdout) ?? []
  return list.split(' ').map(Number)
}

const UP_TO_30 = Array.from({ length: 30 }, (_, i) => i)

describe('run-async-model', () => {
  test('calls back once for each run, with its user argument, also those under way at close', async () => {
    const stdout = await output('run-async-model')
    expect(stdout).toMatch(/^30 runs submitted; \d+ waited for room, while a timer went off \d+ times$/m)
    expect(stdout).toMatch(/^closed with [1-9]\d* under way; called back after all: 30 of 30$/m)
    expect(order(stdout)).not.toEqual(UP_TO_30)
    expect(order(stdout).sort((a, b) => a - b)).toEqual(UP_TO_30)
    const [sync, async] = rows(stdout)
    expect(cores(sync?.where ?? '')).toEqual(['NPU_0'])
    expect(cores(async?.where ?? '')).toEqual(['NPU_0', 'NPU_1', 'NPU_2'])
  })

  test('in order, when that is asked for', async () => {
    expect(order(await output('run-async-model', '--ordered'))).toEqual(UP_TO_30)
  })

  test('waits for room, while other things go on', async () => {
    const stdout = await output('run-async-model', '--max-load', '1', '--loops', '5')
    const [, waited, ticks] = /; (\d) waited for room, while a timer went off (\d+) times/.exec(stdout) ?? []
    expect(waited).toBe('4')
    expect(Number(ticks)).toBeGreaterThan(4)
  })

  test('ends well when it is interrupted', async () => {
    const { interrupt, printed, ended } = start('run-async-model', '--loops', '1000000')
    await printed('submitting')
    interrupt()
    const { code, stdout, stderr } = await ended
    expect({ code, stderr }).toEqual({ code: 130, stderr: '' })
    expect(stdout).toContain('interrupted: nothing more was submitted')
    const [, called, submitted] = /called back after all: (\d+) of (\d+)$/m.exec(stdout) ?? []
    expect(called).toBe(submitted)
  })

  test('runs on ONNX Runtime', async () => {
    const stdout = await output('run-async-model', '--backend', 'ort', '--loops', '4')
    expect(stdout).toContain('called back after all: 4 of 4')
  })
})

describe('run-async-model-thread', () => {
  test('one callback gets the runs of all threads', async () => {
    const stdout = await output('run-async-model-thread', '--threads', '4', '--loops', '10')
    for (const thread of [0, 1, 2, 3])
      expect(stdout).toContain(`thread ${thread}: 10 of 10 runs called back\n`)
    expect(stdout).toContain('40 of 40 accepted runs succeeded; 0 bytes were copied')
    expect(cores(rows(stdout)[0]?.where ?? '')).toEqual(['NPU_0', 'NPU_1', 'NPU_2'])
  })

  test('survives the end of one of them', async () => {
    const stdout = await output('run-async-model-thread', '--loops', '30', '--end', '2')
    const [, called] = /^thread 0: (\d+) of 30 runs called back, then it was ended$/m.exec(stdout) ?? []
    expect(Number(called)).toBeGreaterThanOrEqual(2)
    for (const thread of [1, 2]) expect(stdout).toContain(`thread ${thread}: 30 of 30 runs called back\n`)
    expect(stdout).toContain(`${60 + Number(called)} of ${60 + Number(called)} accepted runs succeeded`)
  })
})

describe('run-async-model-wait', () => {
  test('another thread collects every job', async () => {
    // More than DX-RT has job ids.
    const stdout = await output('run-async-model-wait', '--loops', '1100')
    expect(stdout).toContain(
      'the thread collected 1100 jobs in the order of submission; 0 times it waited in vain',
    )
    expect(stdout).toMatch(/^job ids \d+ to \d+: 1100 different ones$/m)
    expect(stdout.split('\n').filter((line) => line.startsWith('waiting'))).toEqual([
      'waiting for the last job for 1 ms: HAL_DEADLINE_EXCEEDED',
      'waiting for the last job with a signal that is aborted: HAL_ABORTED',
      'waiting for the last job for as long as it takes: its outputs',
      'waiting for the last job once more: HAL_NOT_FOUND',
    ])
  })

  test('a wait that is given up on can be made again', async () => {
    const stdout = await output('run-async-model-wait', '--loops', '60', '--timeout', '1')
    expect(stdout).toMatch(/^the thread collected 60 jobs .*; [1-9]\d* times it waited in vain$/m)
  })
})

describe('run-batch-model', () => {
  test('writes every answer to its own buffer', async () => {
    const stdout = await output('run-batch-model', '--batch', '5', '--loops', '2')
    const scores = [...stdout.matchAll(/^item \d: scores (\S+) ..., in its own buffer$/gm)].map(([, score]) =>
      Number(score),
    )
    const [first = 0] = scores
    expect(first).toBeGreaterThan(0)
    expect(scores).toHaveLength(5)
    for (const [i, score] of scores.entries()) expect(score).toBeCloseTo((i + 1) * first, 1)
    const [, batches] = rows(stdout)
    expect(batches).toMatchObject({ way: '2 batches of 5', runs: 10 })
    expect(cores(batches?.where ?? '')).toEqual(['NPU_0', 'NPU_1', 'NPU_2'])
  })

  test('a bad item fails alone', async () => {
    const stdout = await output('run-batch-model', '--batch', '4', '--loops', '1', '--bad', '3')
    expect(stdout).toContain('item 3: HAL_INVALID_ARGUMENT: all inputs together are 256 bytes, got 3\n')
    for (const good of [1, 2, 4]) expect(stdout).toContain(`item ${good}: scores `)
  })
})

describe.skipIf(runtimeMissing() !== undefined)('on the reference OAAX runtime', () => {
  test('threads submit, one callback', async () => {
    const stdout = await output('run-async-model-thread', '--backend', 'npu', '--loops', '4')
    for (const thread of [0, 1, 2]) expect(stdout).toContain(`thread ${thread}: 4 of 4 runs called back\n`)
  })
})
