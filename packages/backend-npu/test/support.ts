import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type NpuConfig, npu } from '@xpu-hal/backend-npu'
import { createHal, type EngineOptions, type ModelSource } from '@xpu-hal/core'
import { encodeModel } from '@xpu-hal/onnx'
import { afterAll, afterEach, beforeEach } from 'vitest'

const source = fileURLToPath(new URL('./fixtures/runtime.c', import.meta.url))

export const folder = mkdtempSync(join(tmpdir(), 'xpu-hal-npu-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Every test of the file has a new folder for temporary files, which `tell` is told. */
export function ownTemporaryFolder(tell: (home: string) => void): void {
  const begun = process.env.TMPDIR
  beforeEach(() => {
    process.env.TMPDIR = mkdtempSync(join(folder, 'tmp-'))
    tell(process.env.TMPDIR)
  })
  afterEach(() => {
    if (begun === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = begun
  })
}

/** The small runtime, compiled; `undefined`, with the reason printed, where there is no compiler. */
export function runtime(...flags: string[]): string | undefined {
  const path = join(folder, `lib${['runtime', ...flags].join('-').replaceAll(/\W/g, '_')}.so`)
  try {
    execFileSync('cc', ['-shared', '-fPIC', '-Wno-discarded-qualifiers', ...flags, '-o', path, source], {
      stdio: 'pipe',
    })
    return path
  } catch (error) {
    console.log(`skipped: no C compiler to make a runtime with (${String(error).split('\n')[0]})`)
    return undefined
  }
}

export function file(name: string, content: Uint8Array | string): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const value = (name: string) => ({ name, dataType: 'float32', shape: ['n', 2] }) as const

/** x -> x_out, as the small runtime does with whatever it is given. */
export const model = encodeModel({
  opset: 17,
  graph: {
    name: 'test',
    inputs: [value('x')],
    outputs: [value('x_out')],
    nodes: [{ op: 'Identity', inputs: ['x'], outputs: ['x_out'] }],
  },
})

/** An engine on a runtime; both end with the scope. */
export async function engineOn(config: NpuConfig, options: EngineOptions = {}, source: ModelSource = model) {
  const hal = createHal({ backends: [npu(config)] })
  try {
    const engine = await hal.openEngine(source, options)
    return { hal, engine, [Symbol.asyncDispose]: () => hal.close() }
  } catch (error) {
    await hal.close()
    throw error
  }
}
