import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { HalError } from '@xpu-hal/core'
import { decodeModel, readSignature } from '@xpu-hal/onnx'
import { afterAll, expect, test } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'xpu-hal-onnx-'))
afterAll(() => rmSync(folder, { recursive: true }))

function field(number: number, content: Uint8Array): Buffer {
  const length: number[] = []
  for (let rest = content.length; ; rest = Math.floor(rest / 128)) {
    length.push(rest >= 128 ? (rest % 128) + 128 : rest)
    if (rest < 128) return Buffer.concat([Buffer.of(number * 8 + 2, ...length), content])
  }
}

const BYTES = 2 ** 21
/** Two megabytes of empty parts with this tag. */
const empty = (number: number) => Buffer.alloc(BYTES, Buffer.of(number * 8 + 2, 0))
const graph = (content: Uint8Array) => Buffer.concat([field(8, Buffer.of(16, 17)), field(7, content)])
const shape = (dims: Uint8Array) => field(2, field(1, Buffer.concat([Buffer.of(8, 1), field(2, dims)])))

const files: Record<string, Buffer> = {
  'operator sets': empty(8),
  nodes: graph(empty(1)),
  initializers: graph(empty(5)),
  'names of one initializer': graph(field(5, empty(8))),
  inputs: graph(empty(11)),
  'dimensions of one input': graph(field(11, Buffer.concat([field(1, Buffer.from('x')), shape(empty(1))]))),
  graphs: Buffer.concat([field(8, Buffer.of(16, 17)), empty(7)]),
  'numbers of the version': Buffer.alloc(BYTES, Buffer.of(8, 1)),
}
const onnx = fileURLToPath(import.meta.resolve('@xpu-hal/onnx'))

/** Megabytes that a process of its own takes more than before at its peak: what was free already hides nothing there. */
function peak(read: 'readSignature' | 'decodeModel', path: string): number {
  const script = `
    import { readFileSync } from 'node:fs'
    import { ${read} } from ${JSON.stringify(onnx)}
    const argument = ${read === 'readSignature' ? 'process.argv[1]' : 'readFileSync(process.argv[1])'}
    const before = process.memoryUsage.rss()
    try { ${read}(argument) } catch (error) { if (!error.code?.startsWith('HAL_')) throw error }
    const peak = /VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1] * 1024
    console.log((peak - before) / 2 ** 20)`
  return Number(
    execFileSync(process.execPath, ['--input-type=module', '-e', script, path], { encoding: 'utf8' }),
  )
}

test.skipIf(process.platform !== 'linux').each(Object.keys(files))(
  'two megabytes of nothing but %s take a bounded amount of memory',
  (name) => {
    const path = join(folder, 'hostile.onnx')
    writeFileSync(path, files[name] as Buffer)
    expect(peak('readSignature', path)).toBeLessThan(100)
    expect(peak('decodeModel', path)).toBeLessThan(250)
  },
)

test.skipIf(process.platform === 'win32')(
  'a folder, a pipe, a device and an empty file are refused by name',
  () => {
    const pipe = join(folder, 'pipe.onnx')
    execFileSync('mkfifo', [pipe])
    const nothing = join(folder, 'empty.onnx')
    writeFileSync(nothing, '')
    for (const path of [folder, pipe, nothing, '/dev/zero', '/dev/null', join(nothing, 'below')]) {
      const error = refusal(() => readSignature(path))
      expect(error).toBeInstanceOf(HalError)
      expect(error.message).toContain(path)
    }
  },
)

test('names that objects have already are names like others', () => {
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
    const weight = field(5, Buffer.concat([Buffer.of(8, 0, 16, 1), field(8, Buffer.from(name))]))
    const attribute = Buffer.concat([field(1, Buffer.from(name)), Buffer.of(24, 5)])
    const model = decodeModel(graph(Buffer.concat([weight, field(1, field(5, attribute))])))
    expect(Object.keys(model.graph.initializers ?? {})).toEqual([name])
    expect(Object.keys(model.graph.nodes[0]?.attributes ?? {})).toEqual([name])
  }
})

function refusal(act: () => unknown): Error {
  try {
    act()
  } catch (error) {
    return error as Error
  }
  throw new Error('it was accepted')
}
