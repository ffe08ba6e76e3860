import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import type { ClonesSample, ClonesSide } from '../src/clones.js'
import { convolutions } from '../src/models.js'

const isLinux = process.platform === 'linux'
if (!isLinux) console.log('skipped: memory is read from /proc, which only Linux has')

const child = fileURLToPath(new URL('../dist/clones-child.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'xpu-hal-bench-test-'))
const model = join(folder, 'convolutions.onnx')
writeFileSync(model, convolutions())
afterAll(() => rmSync(folder, { recursive: true }))

function sample(side: ClonesSide): ClonesSample {
  return JSON.parse(execFileSync(process.execPath, [child, side, '2', model], { encoding: 'utf8' }))
}

describe.skipIf(!isLinux)('a sample of the bench clones', () => {
  test.each([
    ['inline', true],
    ['inline, opened', false],
    ['threads', true],
    ['threads, opened', false],
    ['processes', true],
    ['processes, unmapped', false],
  ] as const)('%s: engines open and predict, and sharing is as the table says: %s', (side, expected) => {
    const { openedKb, ranKb, shares } = sample(side)
    expect(shares).toBe(expected)
    expect(openedKb).toBeGreaterThan(1_000)
    expect(ranKb).toBeGreaterThan(1_000)
  })

  test('processes: the weights that they map are counted, once they were used', () => {
    const { openedKb, ranKb } = sample('processes')
    // 8 layers of 36 KB, and the rest of what a first run takes.
    expect(ranKb - openedKb).toBeGreaterThan(8 * 36)
  })
})
