import { readFileSync } from 'node:fs'
import { mock } from '@xpu-hal/backend-mock'
import { createHal, type Engine, type EngineOptions, tensor } from '@xpu-hal/core'
import { encodeModel } from '@xpu-hal/onnx'
import { describe, expect, onTestFinished, test } from 'vitest'

const isLinux = process.platform === 'linux'
if (!isLinux) console.log('skipped: memory is measured in /proc, which only Linux has')

const [ROWS, COLUMNS] = [2048, 4096]

/** x times a matrix of 32 MB. */
function heavy(): Uint8Array {
  const w = tensor('float32', [ROWS, COLUMNS])
  for (let i = 0; i < w.data.length; i++) w.data[i] = i % 1000
  return encodeModel({
    opset: 18,
    graph: {
      name: 'heavy',
      inputs: [{ name: 'x', dataType: 'float32', shape: [1, ROWS] }],
      outputs: [{ name: 'y', dataType: 'float32', shape: [1, COLUMNS] }],
      initializers: { w },
      nodes: [{ op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] }],
    },
  })
}

const bytes = heavy()

async function open(options: EngineOptions): Promise<Engine> {
  const hal = createHal({ backends: [mock()] })
  onTestFinished(() => hal.close())
  return hal.openEngine(bytes, options)
}

/** The first weight of a row, which is `row * COLUMNS % 1000`. */
async function weightAt(engine: Engine, row: number): Promise<number> {
  const x = tensor('float32', [1, ROWS])
  x.data[row] = 1
  const { y } = await engine.run({ x })
  return Number(y?.data[0])
}

const anonymousBytes = () =>
  Number(/^Pss_Anon: +(\d+)/m.exec(readFileSync('/proc/self/smaps_rollup', 'latin1'))?.[1]) * 1024

describe.each([
  ['thread', true],
  ['inline', true],
  ['process', false],
] as const)('a clone on the mock, isolation %s', (isolation, shares) => {
  test.skipIf(isolation === 'process' && !isLinux)(
    `has the same weights; the very same: ${shares}`,
    async () => {
      const engine = await open({ isolation, workers: 1 })
      const clones = [await engine.clone(), await engine.clone(), await engine.clone()]
      await engine.close()
      expect(clones.map(({ sharesWeights }) => sharesWeights)).toEqual([shares, shares, shares])
      for (const clone of clones) expect(await weightAt(clone, 7)).toBe(672)
    },
  )

  test.skipIf(!shares || !isLinux)('takes no memory for weights', async () => {
    const engine = await open({ isolation, workers: 1 })
    await (await engine.clone()).close()
    await weightAt(engine, 1)
    const before = anonymousBytes()
    const clones = [await engine.clone({ workers: 1 }), await engine.clone(), await engine.clone()]
    for (const clone of clones) expect(await weightAt(clone, 9)).toBe(864)
    // Three copies would be 96 MB; threads take about 25.
    expect(anonymousBytes() - before).toBeLessThan(1.5 * bytes.length)
  })
})

test('devices that simulate different things keep to that, also where an engine is on both', async () => {
  const hal = createHal({ backends: [mock({ devices: [{}, { arithmetic: 'zeros' }] })] })
  onTestFinished(() => hal.close())
  const engine = await hal.openEngine(bytes, { devices: [1, 0], workers: 1 })
  const clone = await engine.clone()
  for (const each of [engine, clone]) {
    const answers = new Map<string, number>()
    each.on('run', ({ device }) => answers.set(device, Number.NaN))
    const values = await Promise.all(Array.from({ length: 8 }, () => weightAt(each, 7)))
    expect([...answers.keys()].sort()).toEqual(['mock:0', 'mock:1'])
    expect(new Set(values)).toEqual(new Set([672, 0]))
  }
})
