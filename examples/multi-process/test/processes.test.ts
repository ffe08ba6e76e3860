import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { drawGauge } from '@xpu-hal/example-gauges'
import { describe, expect, test } from 'vitest'
import { fates, folder, memory, start } from './program.js'

const real = fileURLToPath(new URL('../../../../shared/data/oaax-examples/', import.meta.url))
const hasReal = existsSync(join(real, 'gauge-reader.onnx'))
if (!hasReal) console.log(`skipped: the gauge reader of the OAAX examples is not in ${real}`)

const isLinux = process.platform === 'linux'
if (!isLinux) console.log('skipped: worker processes need Linux')

const SAME = 'The results are the same, to the bit.'
const ALL = 'Read: 10 × bottom left, 10 × bottom right, 10 × top left, 10 × top right\n'

describe.skipIf(!isLinux)('multi-process', () => {
  test.each([
    ['worker processes', 2, []],
    ['worker processes that share the weights', 2, ['--map-weights']],
    ['simulated NPUs in processes', 3, ['--backend', 'mock', '--processes', '3']],
    ['a pool', 2, ['--pool']],
  ])('%s read all pictures', async (_, count, args) => {
    const { code, stdout, stderr } = await start('--pictures', '40', ...args)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(fates(stdout)).toEqual(new Array(count).fill(''))
    expect(stdout).toContain(ALL)
    // Weights that are not packed for the processor are added up in another order.
    if (args.includes('--map-weights')) expect(stdout).toContain('The results are the same')
    else expect(stdout).toContain(SAME)
    if (!args.includes('--pool')) expect(stdout).toContain('processes: 0 bytes')
    expect(readdirSync(folder)).toEqual([])
  })

  test.each([
    ['on ort', ['--processes', '2'], ['killed', '', 'new']],
    ['on ort, with a single process', ['--processes', '1'], ['killed', 'new']],
    ['on the mock', ['--backend', 'mock'], ['killed', '', 'new']],
  ])('--kill loses no picture: %s', async (_, args, became) => {
    const { code, stdout, stderr } = await start('--kill', '--pictures', '40', ...args)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(fates(stdout)).toEqual(became)
    expect(stdout).toMatch(/ ms: lost: .*SIGKILL\n +\d+ ms: recovered\n/)
    expect(stdout).toContain(ALL)
    expect(stdout).toContain(SAME)
    expect(readdirSync(folder)).toEqual([])
  })

  test('--kill loses no picture where runs take most of the time', async () => {
    const { code, stdout } = await start('--kill', '--pictures', '40', '--weights', '100')
    expect(stdout).toContain(ALL)
    expect(code).toBe(0)
    expect(stdout).toMatch(/^Runs that were executed a second time: [01]$/m)
  })

  test('--kill in a pool leaves the work to the others', async () => {
    const { code, stdout } = await start('--kill', '--pool', '--pictures', '40')
    expect(code).toBe(0)
    expect(fates(stdout)).toEqual(['killed', ''])
    expect(stdout).toContain(ALL)
    expect(stdout).toContain(SAME)
  })

  test('--kill of the only process of a pool ends it', async () => {
    const { code, stderr } = await start('--kill', '--pool', '--processes', '1')
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'all processes of the pool have died\n' })
  })

  test('a picture that does not decode fails alone', async () => {
    writeFileSync(join(folder, 'good.jpg'), await drawGauge(45))
    writeFileSync(join(folder, 'broken.jpg'), 'no picture')
    const { code, stdout } = await start('--pictures', '6', '--image', 'good.jpg', '--image', 'broken.jpg')
    expect(code).toBe(1)
    expect(stdout).toMatch(/^Read: 3 × top right\nbroken\.jpg: .+$/m)
    expect(stdout).toContain(SAME)
  })

  test.skipIf(!hasReal)('reads the gauges of the OAAX examples while a process is killed', async () => {
    const model = ['--model', join(real, 'gauge-reader.onnx')]
    const images = [1, 3].flatMap((gauge) => ['--image', join(real, `gauge-class-${gauge}.jpg`)])
    const { code, stdout } = await start('--kill', ...model, ...images)
    expect(code).toBe(0)
    expect(stdout).toContain('Read: 32 × Class 1, 32 × Class 3\n')
    expect(stdout).toContain(SAME)
  })

  test('processes that map the weights take the memory of none of them', { timeout: 240_000 }, async () => {
    const { code, stdout, stderr } = await start('--memory', '--weights', '64')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const rows = memory(stdout)
    expect(rows.map(([count]) => count)).toEqual([1, 2, 3])
    const [, , pool = 0, , workers = 0, , mapped = 0] = rows[2] ?? []
    expect(pool).toBeGreaterThan(3 * 64)
    expect(workers).toBeGreaterThan(3 * 64)
    expect(mapped).toBeLessThan(workers - 3 * 50)
  })

  test.each([
    ['a flag that does not exist', ['--proceses', '2'], '--proceses'],
    ['no number of processes', ['--processes', 'many'], '--processes'],
    ['an unknown backend', ['--backend', 'tpu'], 'ort, mock, npu'],
    ['mapped weights elsewhere than on ort', ['--map-weights', '--backend', 'mock'], '--map-weights'],
    ['an image that is missing', ['--image', 'missing.jpg'], 'missing.jpg'],
    ['a model that is missing', ['--model', 'missing.onnx'], 'missing.onnx'],
  ])('%s: one line and exit code 1', async (_, args, named) => {
    const { code, stderr } = await start(...args)
    expect(code).toBe(1)
    expect(stderr).toContain(named)
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })

  test('--help lists the flags', async () => {
    const { code, stdout } = await start('--help')
    expect(code).toBe(0)
    expect(stdout).toContain('--processes <n>')
  })
})
