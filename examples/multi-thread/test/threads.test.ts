import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { drawGauge } from '@xpu-hal/example-gauges'
import { describe, expect, test } from 'vitest'
import { folder, memory, start, threads } from './program.js'

const real = fileURLToPath(new URL('../../../../shared/data/oaax-examples/', import.meta.url))
const hasReal = existsSync(join(real, 'gauge-reader.onnx'))
if (!hasReal) console.log(`skipped: the gauge reader of the OAAX examples is not in ${real}`)

const canMeasure = existsSync('/proc/self/smaps_rollup')
if (!canMeasure)
  console.log('skipped: memory is measured in /proc/self/smaps_rollup, which this system lacks')

const SAME = 'The results are the same, to the bit.'

describe('multi-thread', () => {
  test.each([
    ['ort', 'opened', 'shared'],
    ['mock', 'opened', 'shared'],
  ])('on %s, every thread reads with a clone that shares the weights', async (backend, ...weights) => {
    const { code, stdout, stderr } = await start('--backend', backend, '--threads', '3', '--pictures', '40')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const lines = threads(stdout)
    expect(new Set(lines.map(({ engine }) => engine)).size).toBe(3)
    expect(lines.map((line) => line.weights)).toEqual([...weights, 'shared'])
    expect(lines.reduce((sum, { pictures }) => sum + pictures, 0)).toBe(40)
    expect(lines.map(({ bytesCopied }) => bytesCopied)).toEqual([0, 0, 0])
    expect(stdout).toContain(
      'Read: 10 × bottom left, 10 × bottom right, 10 × top left, 10 × top right\n1 thread: ',
    )
    expect(stdout).toContain('\n3 threads: ')
    expect(stdout).toContain(SAME)
    expect(readdirSync(folder)).toEqual([])
  })

  test('one thread is enough', async () => {
    const { code, stdout } = await start('--threads', '1', '--pictures', '4')
    expect(code).toBe(0)
    expect(threads(stdout)).toHaveLength(1)
    expect(stdout).toContain(SAME)
  })

  test('a picture that does not decode fails alone', async () => {
    writeFileSync(join(folder, 'good.jpg'), await drawGauge(45))
    writeFileSync(join(folder, 'broken.jpg'), 'no picture')
    const { code, stdout } = await start('--pictures', '9', ...['good', 'broken', 'good'].flatMap(image))
    expect(code).toBe(1)
    expect(stdout).toMatch(/^Read: 6 × top right\nbroken\.jpg: .+$/m)
    expect(stdout).toContain(SAME)
  })

  test.skipIf(!hasReal)('reads the gauges of the OAAX examples', async () => {
    const pictures = ['gauge-class-1', 'gauge-class-3'].flatMap((name) => image(join(real, name)))
    const { code, stdout } = await start('--model', join(real, 'gauge-reader.onnx'), ...pictures)
    expect(code).toBe(0)
    expect(stdout).toContain('Read: 32 × Class 1, 32 × Class 3\n')
    expect(stdout).toContain(SAME)
  })

  test.skipIf(!canMeasure)(
    'clones take the memory of one model, other engines that of as many',
    { timeout: 240_000 },
    async () => {
      const { code, stdout, stderr } = await start('--memory', '--weights', '64')
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      const tables = memory(stdout)
      expect(tables.map((rows) => rows.map(([count]) => count))).toEqual([
        [1, 2, 3],
        [1, 2, 3],
      ])
      for (const [one = [], , three = []] of tables) {
        const grown = (column: number) => (three[column] ?? Number.NaN) - (one[column] ?? Number.NaN)
        // Two more engines without clone bring two more copies of the weights.
        expect(grown(4)).toBeGreaterThan(grown(2) + 100)
      }
    },
  )

  test.each([
    ['a flag that does not exist', ['--thread', '2'], '--thread'],
    ['no number of threads', ['--threads', 'many'], '--threads'],
    ['too few threads', ['--threads', '0'], '--threads'],
    ['an unknown backend', ['--backend', 'tpu'], 'ort, mock, npu'],
    ['an image that is missing', ['--image', 'missing.jpg'], 'missing.jpg'],
    ['a model that is missing', ['--model', 'missing.onnx'], 'missing.onnx'],
  ])('%s: one line and exit code 1', async (_, args, named) => {
    const { code, stdout, stderr } = await start(...args)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain(named)
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })

  test('--help lists the flags', async () => {
    const { code, stdout } = await start('--help')
    expect(code).toBe(0)
    expect(stdout).toContain('--threads <n>')
  })
})

function image(name: string): string[] {
  return ['--image', `${name}.jpg`]
}
