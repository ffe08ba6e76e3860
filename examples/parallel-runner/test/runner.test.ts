import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { referenceLibrary } from '@xpu-hal/backend-npu'
import { describe, expect, test } from 'vitest'
import { pictureScorer } from '../src/model.js'
import { compared, folder, start, tasks } from './program.js'

const ALL = ['0.1', '0.2', '1.1', '1.2', '2.1', '2.2', '3.1', '3.2', '4.1', '4.2']

describe('the parallel runner', () => {
  test('serves 5 clients with 2 tasks each on every core of the mock, and compares with one worker', async () => {
    const { code, stdout, stderr } = await start('--backend', 'mock', '--rounds', '2')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const done = tasks(stdout)
    expect(done.map(({ task }) => task)).toEqual(ALL)
    expect(new Set(done.map(({ ending }) => ending))).toEqual(new Set(['NPU_0', 'NPU_1', 'NPU_2']))
    expect(stdout).toMatch(/^ {2}scores: 40 bytes, 10 elements: (\S+ ){5}\.\.\.$/m)
    expect(stdout).toMatch(/^total run time with 3 workers: [\d.]+ ms; 10 tasks, all succeeded$/m)
    expect(compared(stdout)).toEqual([1, 3])
    // A simulated run takes what it should, however busy this machine is.
    expect(stdout.match(/ 40\.0$/gm)).toHaveLength(2)
    expect(stdout).toMatch(/^3 workers are [\d.]+ times as fast as one\.$/m)
  })

  test('warms every worker up before the first task, and says so', async () => {
    const { stdout } = await start('--backend', 'mock', '--clients', '1', '--tasks', '1')
    const lines = stdout.split('\n')
    const last = lines.indexOf('warm-up on mock:0: 3 of 3')
    expect(last).toBeGreaterThanOrEqual(0)
    expect(lines.findIndex((line) => line.startsWith('client'))).toBeGreaterThan(last)
  })

  test('gives every task its own answer, whichever worker computes it', async () => {
    const [first, second] = await Promise.all([
      start('--backend', 'ort', '--workers', '1', '--clients', '3', '--rounds', '1'),
      start('--backend', 'ort', '--workers', '2', '--clients', '3', '--rounds', '1'),
    ])
    expect([first?.code, second?.code]).toEqual([0, 0])
    const values = tasks(first?.stdout ?? '').map((task) => task.values)
    expect(new Set(values).size).toBe(6)
    expect(tasks(second?.stdout ?? '').map((task) => task.values)).toEqual(values)
    expect(compared(first?.stdout ?? '')).toEqual([]) // Nothing to compare.
    expect(compared(second?.stdout ?? '')).toEqual([1, 2])
  })

  test.each([
    ['mock', 3, /an injected fault failed this run/],
    ['ort', 2, /cannot be reshaped/],
  ])(
    'brings a failed task of a queue to its client, and to no other: %s',
    async (backend, workers, reason) => {
      const { code, stdout, stderr } = await start('--backend', backend, '--workers', `${workers}`, '--fail')
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      const done = tasks(stdout)
      expect(done.map(({ task }) => task)).toEqual(ALL)
      const failed = done.filter(({ ending }) => ending.startsWith('HAL_'))
      expect(failed).toEqual([{ task: `${workers}.1`, ending: 'HAL_INTERNAL', values: undefined }])
      expect(stdout).toMatch(reason)
      expect(stdout).toContain(`10 tasks, 9 succeeded, failed: task 1 of client ${workers}`)
    },
  )

  test('refuses what is more than may wait', async () => {
    const flags = ['--workers', '1', '--clients', '20', '--tasks', '1', '--max-waiting', '4']
    const { code, stdout } = await start('--backend', 'mock', ...flags)
    expect(code).toBe(1)
    const refused = tasks(stdout).filter(({ ending }) => ending === 'HAL_RESOURCE_EXHAUSTED')
    // 10 are accepted by an engine of these few workers, and 4 wait.
    expect(refused.map(({ task }) => task)).toEqual(['14.1', '15.1', '16.1', '17.1', '18.1', '19.1'])
    expect(stdout).toContain('maxWaiting 4')
  })

  test('lets a task wait no longer than it may', async () => {
    const { code, stdout } = await start('--backend', 'mock', '--workers', '1', '--timeout', '1')
    expect(code).toBe(1)
    expect(new Set(tasks(stdout).map(({ ending }) => ending))).toEqual(new Set(['HAL_DEADLINE_EXCEEDED']))
  })

  test('warns of more threads than cores', async () => {
    const flags = ['--workers', '2', '--threads-per-worker', `${availableParallelism()}`, '--clients', '1']
    const { code, stderr } = await start(...flags)
    expect(code).toBe(0)
    expect(stderr).toMatch(/^warn: engine:1: 2 workers of \d+ threads, and \d+ cores to compute on/)
  })

  test('takes a model of yours', async () => {
    const model = join(folder, 'small.onnx')
    writeFileSync(model, pictureScorer(8, 1))
    const { code, stdout } = await start('--model', model, '--clients', '2', '--tasks', '1')
    expect(code).toBe(0)
    expect(tasks(stdout)).toHaveLength(2)
  })

  test('explains itself', async () => {
    const { code, stdout } = await start('--help')
    expect(code).toBe(0)
    const flags =
      'workers threads-per-worker clients tasks max-waiting timeout rounds model backend fail help'
    for (const flag of flags.split(' ')) expect(stdout).toContain(`  --${flag} `)
  })

  test.each([
    ['a negative number of workers', ['--workers=-1'], "option 'workers' is at least 1, got -1"],
    ['workers that are no number', ['--workers', 'many'], "--workers takes a whole number, not 'many'"],
    ['more workers than cores', ['--backend', 'mock', '--workers', '4'], 'there can be 3 here, not 4'],
    ['no threads', ['--threads-per-worker', '0'], "option 'threadsPerWorker' is at least 1, got 0"],
    ['no clients', ['--clients', '0'], '--clients is at least 1, not 0'],
    ['too many clients', ['--clients', '99999999'], '--clients is at most 10000, not 99999999'],
    ['no tasks', ['--tasks', '0'], '--tasks is at least 1, not 0'],
    ['no rounds', ['--rounds', '0'], '--rounds is at least 1, not 0'],
    ['half a task', ['--tasks', '1.5'], "--tasks takes a whole number, not '1.5'"],
    ['a negative queue', ['--max-waiting=-1'], "option 'maxWaiting' is at least 0, got -1"],
    ['a negative time', ['--timeout=-1'], '--timeout is at least 0, not -1'],
    ['an unknown backend', ['--backend', 'tpu'], "there is no backend 'tpu': take ort, mock, npu"],
    ['a missing model', ['--model', 'no.onnx'], 'no.onnx'],
    ['a missing value', ['--workers'], "'--workers <value>' argument missing; --help"],
    ['an unknown flag', ['--worker', '2'], "Unknown option '--worker'; --help"],
  ])('says in one line what is wrong with %s', async (_, args, culprit) => {
    const { code, stdout, stderr } = await start(...args)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain(culprit)
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })
})

const missing = unavailable()

function unavailable(): string | undefined {
  try {
    referenceLibrary()
    return undefined
  } catch (error) {
    console.log(`skipped: ${(error as Error).message}`)
    return (error as Error).message
  }
}

describe.skipIf(missing !== undefined)('the parallel runner on the reference OAAX runtime', () => {
  test('has an instance of the runtime for each worker; a failed task reaches its client', async () => {
    const { code, stdout, stderr } = await start('--backend', 'npu', '--workers', '2', '--fail')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const failed = tasks(stdout).filter(({ ending }) => ending.startsWith('HAL_'))
    expect(failed.map(({ task }) => task)).toEqual(['2.1'])
    expect(new Set(tasks(stdout).map(({ ending }) => ending))).toEqual(
      new Set(['NPU_0', 'NPU_1', 'HAL_INTERNAL']),
    )
  })
})
