import { availableParallelism } from 'node:os'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Ending } from '../../../test/program.js'
import { section, start } from './program.js'

const cpus = availableParallelism()

describe.each([
  { backend: 'ort', device: 'ort:cpu', workers: cpus, threads: '1', bad: 'HAL_INVALID_ARGUMENT' },
  { backend: 'mock', device: 'mock:0', workers: 3, threads: '-', bad: 'HAL_INTERNAL' },
])('several models on $backend', ({ backend, device, workers, threads, bad }) => {
  let ending: Ending
  beforeAll(async () => {
    ending = await start('--backend', backend, '--clients', '16', '--requests', '10', '--batch', '8')
  }, 60_000)

  test('end well', () => {
    expect(ending).toMatchObject({ code: 0, stderr: '' })
  })

  test('have the resources that suit the device, without being told', () => {
    const rows = section(ending.stdout, 'Three models').map((line) => line.split(/ {2,}/))
    expect(rows.slice(1)).toEqual(
      ['normaliser', 'neighbours', 'segments'].map((name) => [name, device, String(workers), threads]),
    )
  })

  test('work one after the other on the same memory', () => {
    const [shown, read, verdict] = section(ending.stdout, 'One after the other')
    expect(read?.replace('read ', 'shown')).toBe(shown)
    expect(verdict).toBe('400 of 400 right; 0 bytes were copied')
  })

  test('work side by side on the same memory', () => {
    const lines = section(ending.stdout, 'Side by side').join('\n')
    expect(lines).toMatch(/^they agree on 3\d\d of 400; 0 bytes were copied$/m)
    expect(lines).toMatch(/^both executed at the same time for \d+\.\d\d ms$/m)
  })

  test('execute small requests together, as many as allowed', () => {
    const [head, single, batched, verdict] = section(ending.stdout, '16 clients with 10 requests').map(
      (line) => line.split(/ {2,}/),
    )
    expect(head).toEqual(['requests', 'a second', 'p50 ms', 'p99 ms', 'rows mean', 'p50', 'max'])
    expect(single).toEqual(['single', ...Array(3).fill(expect.stringMatching(/^[\d.]+$/)), '-', '-', '-'])
    expect(Number(batched?.[4])).toBeGreaterThan(1)
    expect(Number(batched?.[6])).toBeLessThanOrEqual(8)
    expect(verdict?.[0]).toMatch(/^Batches serve \d+\.\d\d times as many requests\.$/)
  })

  test('fail a bad request and none of those that were executed with it', () => {
    expect(section(ending.stdout, 'One bad request')).toEqual([
      '8 good ones are executed together',
      `a bad one: ${bad}, and those that came with it: ok, ok, ok, ok, ok, ok, ok`,
    ])
  })

  test('tell a full device from a late one and one that is gone', () => {
    const [full, , late, , gone, , back] = section(ending.stdout, 'Too much').slice(1)
    expect(full).toBe('ok, ok, ok, ok, HAL_RESOURCE_EXHAUSTED, HAL_RESOURCE_EXHAUSTED')
    expect(late).toBe('ok, HAL_DEADLINE_EXCEEDED, HAL_DEADLINE_EXCEEDED')
    expect(gone).toBe('HAL_DEVICE_LOST, HAL_DEVICE_LOST, HAL_DEVICE_LOST')
    expect(back).toBe('ok')
  })
})

describe('the program', () => {
  test('explains itself', async () => {
    const { code, stdout } = await start('--help')
    expect(code).toBe(0)
    for (const flag of ['backend', 'clients', 'requests', 'batch', 'delay', 'help']) {
      expect(stdout).toContain(`  --${flag} `)
    }
  })

  test.each([
    ['an unknown backend', ['--backend', 'npu'], "there is no backend 'npu': take ort or mock"],
    ['no clients', ['--clients', '0'], '--clients is at least 1, not 0'],
    ['half a request', ['--requests', '0.5'], "--requests takes a whole number, not '0.5'"],
    ['batches of one', ['--batch', '1'], '--batch is at least 2, not 1'],
    ['a negative delay', ['--delay=-1'], '--delay is at least 0, not -1'],
    ['a missing value', ['--batch'], "'--batch <value>' argument missing; --help"],
    ['an unknown flag', ['--batches', '2'], "Unknown option '--batches'; --help"],
  ])('says in one line what is wrong with %s', async (_, args, culprit) => {
    const { code, stdout, stderr } = await start(...args)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain(culprit)
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })
})
