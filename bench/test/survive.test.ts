import { expect, test } from 'vitest'
import { benchSurvive } from '../src/survive.js'

const INJECTIONS = { SIGABRT: 8, SIGSEGV: 8, SIGSTOP: 2 }

test('a worker process that is ended or stopped again and again costs its runs, and nothing else', async () => {
  const { figures } = await benchSurvive(undefined, INJECTIONS)
  expect(figures).toMatchObject({
    injected: 18,
    settled: figures.accepted,
    wrong: 0,
    leftoverProcesses: 0,
    leftoverFiles: 0,
    leftoverDescriptors: 0,
  })
  expect(figures.failed).toBeGreaterThan(0)
})
