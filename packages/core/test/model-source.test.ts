import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ModelSource } from '../src/index.ts'
import { resolveModel } from '../src/model-source.ts'
import { failure } from './fixtures/manual-backend.ts'

describe('resolveModel', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'xpu-hal-model-'))
    writeFileSync(join(folder, 'face locator.onnx'), 'model')
    writeFileSync(join(folder, 'empty.onnx'), '')
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  it('takes a path and a file URL, also with a space', async () => {
    const path = join(folder, 'face locator.onnx')
    const model = { kind: 'file', name: 'face locator', path }
    expect(await resolveModel(path)).toEqual(model)
    expect(await resolveModel(pathToFileURL(path))).toEqual(model)
    expect(await resolveModel(pathToFileURL(path).href)).toEqual(model)
  })

  it('takes bytes, wherever they lie, without a copy', async () => {
    const bytes = new Uint8Array([1, 2, 3])
    const model = await resolveModel(bytes)
    expect(model.kind === 'bytes' && model.bytes).toBe(bytes)
    const shared = await resolveModel(new SharedArrayBuffer(8))
    expect(shared).toMatchObject({ kind: 'bytes', bytes: { byteLength: 8 } })
    expect(await resolveModel(new ArrayBuffer(8))).toMatchObject({ kind: 'bytes', bytes: { byteLength: 8 } })
  })

  it('names a file that is missing', async () => {
    const error = await failure(resolveModel(join(folder, 'none.onnx')))
    expect(error).toMatchObject({ code: 'HAL_NOT_FOUND', message: expect.stringContaining('none.onnx') })
    const below = await failure(resolveModel(join(folder, 'empty.onnx', 'x')))
    expect(below.code).toBe('HAL_NOT_FOUND')
  })

  it.each(['empty.onnx', '.', 'a\0b'])('refuses %j', async (name) => {
    const error = await failure(
      resolveModel(name === '.' ? folder : name.includes('\0') ? name : join(folder, name)),
    )
    expect(error.code).toBe('HAL_INVALID_ARGUMENT')
  })

  it.skipIf(process.platform === 'win32')(
    'refuses a pipe and a device by name, and waits for neither',
    async () => {
      const pipe = join(folder, 'pipe.onnx')
      execFileSync('mkfifo', [pipe])
      for (const path of [pipe, '/dev/zero', '/dev/null']) {
        const error = await failure(resolveModel(path))
        expect(error).toMatchObject({ code: 'HAL_INVALID_ARGUMENT', message: expect.stringContaining(path) })
      }
    },
  )

  it.each([
    ['an empty path', ''],
    ['a web address', new URL('https://example.com/a.onnx')],
    ['a web address as a string', 'https://example.com/a.onnx'],
    ['a data URL', new URL('data:text/plain,a')],
    ['no bytes', new Uint8Array()],
    ['an empty shared buffer', new SharedArrayBuffer(0)],
  ] as [string, ModelSource][])('refuses %s', async (_, source) => {
    expect((await failure(resolveModel(source))).code).toBe('HAL_INVALID_ARGUMENT')
  })

  it('refuses bytes whose buffer was transferred', async () => {
    const bytes = new Uint8Array(4)
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
    expect((await failure(resolveModel(bytes))).message).toContain('transferred')
  })

  it.each([undefined, null, 5, {}, new Float32Array(2)])('throws a TypeError for %s', async (source) => {
    expect(await failure(resolveModel(source as unknown as ModelSource))).toBeInstanceOf(TypeError)
  })

  it('takes bytes with a name for messages', async () => {
    const bytes = new Uint8Array([1, 2])
    expect(await resolveModel({ name: 'mine', bytes })).toEqual({ kind: 'bytes', name: 'mine', bytes })
  })
})
