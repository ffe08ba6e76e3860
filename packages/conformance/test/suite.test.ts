import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { type Case, cases, conformance, models, report, runCase, type Subject } from '../src/index.js'
import { judge } from '../src/suite.js'
import { echo } from './fixtures/echo-backend.js'
import { altered, device } from './fixtures/sabotage.js'

const subject: Subject = { name: 'echo', backend: () => echo() }
const [good] = cases as [Case]
const bad: Case = { ...good, run: () => Promise.reject(new Error('it does not hold')) }

test('ids are unique and name their area', () => {
  const ids = cases.map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  for (const id of ids) expect(id).toMatch(/^[a-z-]+\/[a-z0-9-]+$/)
})

test('the models of all cases exist, and every model has a case', () => {
  const used = new Set(cases.flatMap((entry) => entry.models))
  expect([...used].sort()).toEqual(models.map(({ name }) => name).sort())
})

describe('exclusions', () => {
  const excluded = { case: good.id, reason: 'because' }

  test('an unsupported case is skipped with its reason and does not run', async () => {
    const result = await judge(bad, { ...subject, unsupported: [excluded] })
    expect(result).toEqual({ status: 'skipped', reason: 'unsupported: because' })
  })

  test('an expected failure is skipped with both reasons', async () => {
    const result = await judge(bad, { ...subject, expectedFailures: [excluded] })
    expect(result).toEqual({ status: 'skipped', reason: 'expected failure: because (it does not hold)' })
  })

  test('an expected failure that passes is stale, and fails', async () => {
    const result = await judge(good, { ...subject, expectedFailures: [excluded] })
    expect(result).toMatchObject({ status: 'failed', error: { message: expect.stringContaining('stale') } })
  })

  test('one that names no case is refused', () => {
    const runner = { describe: () => {}, it: () => {} }
    const typo = { ...subject, unsupported: [{ case: 'no/such-case', reason: 'because' }] }
    expect(() => conformance(runner, typo)).toThrow('no/such-case')
  })
})

describe('skips by themselves', () => {
  const withCapabilities = (changed: object): Subject => {
    const { backend } = device('', '', ({ info }) => ({
      info: altered(info, { capabilities: { ...info.capabilities, ...changed } }),
    }))
    return { name: 'limited', backend: backend as NonNullable<typeof backend> }
  }
  const statusOf = async (id: string, limited: Subject) =>
    runCase(cases.find((entry) => entry.id === id) as Case, limited)

  test('data types that the device does not take', async () => {
    const result = await statusOf('data-types/int64', withCapabilities({ dataTypes: ['float32'] }))
    expect(result).toEqual({ status: 'skipped', reason: 'echo:0 does not take int64' })
  })

  test('dynamic shapes', async () => {
    const result = await statusOf('shapes/dynamic', withCapabilities({ dynamicShapes: false }))
    expect(result).toEqual({ status: 'skipped', reason: 'echo:0 does not take dynamic shapes' })
  })

  test('runSync, whose absence has a case of its own', async () => {
    const result = await statusOf('run-sync/same-answer', withCapabilities({ runSync: false }))
    expect(result).toEqual({ status: 'skipped', reason: 'runSync is not implemented' })
  })

  test('a device that is not there', async () => {
    const result = await runCase(good, { ...subject, device: 'echo:9' })
    expect(result).toEqual({ status: 'skipped', reason: 'echo:9 is not on this machine' })
  })
})

test('a device that takes files alone gets files, which are gone afterwards', async () => {
  const paths: string[] = []
  const { backend } = device('', '', (healthy) => ({
    info: altered(healthy.info, { capabilities: { ...healthy.info.capabilities, modelFromBytes: false } }),
    doOpen({ model }) {
      if (model.kind === 'file') paths.push(model.path)
      return Promise.reject(new Error('seen enough'))
    },
  }))
  const result = await runCase(cases.find(({ id }) => id === 'lifecycle/open-run-close') as Case, {
    name: 'files',
    backend: backend as NonNullable<typeof backend>,
  })
  expect(result).toMatchObject({ status: 'failed', error: { message: 'seen enough' } })
  expect(paths).toEqual([expect.stringMatching(/add\.onnx$/)])
  expect(existsSync(paths[0] as string)).toBe(false)
})

test('a report counts and keeps the reasons', async () => {
  const seen: string[] = []
  const found = await report(subject, 'devices/', ({ id }) => seen.push(id))
  expect(found.cases.map(({ id }) => id)).toEqual(seen)
  expect(found.passed + found.failed + found.skipped).toBe(seen.length)
  expect(found.suite).toMatch(/^@xpu-hal\/conformance \d/)
})

test('under node:test, cases pass, fail and are skipped with their reason', () => {
  const file = fileURLToPath(new URL('fixtures/nodetest.mjs', import.meta.url))
  const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, ...env } = process.env
  const { stdout } = spawnSync(process.execPath, ['--test', '--test-reporter=tap', file], {
    encoding: 'utf8',
    env,
  })
  expect(stdout).toMatch(/^\s+ok \d+ - devices\/identity: /m)
  expect(stdout).toMatch(/^\s+not ok \d+ - lifecycle\/open-run-close: /m)
  expect(stdout).toMatch(/^\s+ok \d+ - data-types\/int64: .* # SKIP shut:0 does not take int64$/m)
})

describe('the command line', () => {
  const run = (...words: string[]) => {
    const file = fileURLToPath(new URL('../dist/cli.js', import.meta.url))
    return spawnSync(process.execPath, [file, ...words], { encoding: 'utf8' })
  }

  test('names a package that is not there once, not once for each case', () => {
    const { status, stdout, stderr } = run('no-such-backend')
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toContain("there is no package 'no-such-backend'")
  })

  test('says that no case is called that', () => {
    const { status, stderr } = run('@xpu-hal/backend-mock', '--only', 'bach/')
    expect(status).toBe(2)
    expect(stderr).toContain("begins with 'bach/'")
  })
})
