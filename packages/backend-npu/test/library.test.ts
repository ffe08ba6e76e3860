import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { npu } from '@xpu-hal/backend-npu'
import { describe, expect, test } from 'vitest'
import { engineOn, file, folder, runtime } from './support.js'

const library = runtime()

const refusal = (path: string, message: RegExp) =>
  expect(npu({ library: path }).doDevices({ logger: () => {} })).rejects.toMatchObject({
    code: 'HAL_UNAVAILABLE',
    message: expect.stringMatching(message),
  })

test('a missing library is named', () => refusal(join(folder, 'none.so'), /none\.so.*No such file/))

test('a file that is no library is named', () =>
  refusal(file('text.so', 'text'), /text\.so.*no shared library/))

describe.skipIf(library === undefined)('a library', () => {
  test('for another machine is named, with both machines', () => {
    const bytes = readFileSync(library as string)
    bytes.writeUInt16LE(bytes.readUInt16LE(18) === 183 ? 62 : 183, 18)
    return refusal(file('other.so', bytes), /other\.so.*built for (arm64|x64).*this machine is/)
  })

  test('that lacks a function is named, and the function', () =>
    refusal(runtime('-DMISSING_SYMBOL') as string, /MISSING_SYMBOL\.so.*no function send_input/))

  test('that needs a library that is missing is named, and that library', () => {
    const needed = join(folder, 'libneeded.so')
    const path = join(folder, 'libneeding.so')
    const source = file('needed.c', 'int needed(void) { return 1; }')
    execFileSync('cc', ['-shared', '-fPIC', '-o', needed, source])
    const needing = file('needing.c', 'int needed(void); int needs(void) { return needed(); }')
    execFileSync('cc', ['-shared', '-fPIC', '-o', path, needing, needed, '-Wl,-soname,x'])
    execFileSync('rm', [needed])
    return refusal(path, /libneeding\.so.*libneeded\.so/)
  })

  test('that takes no arguments is not given any', async () => {
    const plain = runtime('-DNO_ARGS') as string
    await using on = await engineOn({ library: plain })
    expect(on.engine.device.name).toBe('Test runtime 1.2')
    await expect(engineOn({ library: plain, args: { key: 'value' } })).rejects.toMatchObject({
      code: 'HAL_UNIMPLEMENTED',
      message: expect.stringMatching(/runtime_initialization_with_args.*args/),
    })
  })
})

describe('settings', () => {
  test('a missing library is a TypeError', () => {
    expect(() => npu({} as never)).toThrow(TypeError)
  })

  test.each([
    ['instances', { instances: 0 }],
    ['answerTimeout', { answerTimeout: Number.NaN }],
    ["'threads'", { args: { threads: { int: 1.5 } } }],
    ["'threads'", { args: { threads: 4 as never } }],
    ["'log_file'", { args: { log_file: 'a\0b' } }],
  ])('%s that cannot be is named', (name, setting) => {
    expect(() => npu({ library: 'x', ...setting })).toThrow(name)
  })
})
