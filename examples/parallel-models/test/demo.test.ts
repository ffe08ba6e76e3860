import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { demo, folder, program, rows } from './program.js'

const examples = fileURLToPath(new URL('../../../../shared/data/oaax-examples/', import.meta.url))

describe('the demo', () => {
  test('runs both models at once and writes the picture with the boxes', async () => {
    const { code, stdout, stderr } = await demo()
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^device +core +model +start +end +ms +found$/m)
    expect(rows(stdout)).toEqual([
      { device: 'ort:cpu', core: 'CPU', model: 'face-locator', found: '3 × face' },
      { device: 'ort:cpu', core: 'CPU', model: 'object-detector', found: expect.stringMatching(/\d × disc/) },
    ])
    expect(stdout).toMatch(/^ort:cpu is ONNX Runtime/m)
    const { width, height } = await sharp(join(folder, 'out/parallel-models.jpg')).metadata()
    expect([width, height]).toEqual([640, 480])
  })

  test('gives each model a backend of its own', async () => {
    const { code, stdout } = await demo('--backend', 'mock,ort')
    expect(code).toBe(0)
    expect(rows(stdout)).toEqual([
      { device: 'mock:0', core: 'NPU_0', model: 'face-locator', found: 'nothing' },
      { device: 'ort:cpu', core: 'CPU', model: 'object-detector', found: expect.stringContaining('disc') },
    ])
  })

  test('gives each model a core of its own', async () => {
    const { stdout } = await demo('--backend', 'mock')
    expect(rows(stdout).map(({ core }) => core)).toEqual(['NPU_0', 'NPU_1'])
  })

  test('draws into the format that the name of the file asks for', async () => {
    const out = join(folder, 'new folder', 'boxes.png')
    expect(await demo('--out', out)).toMatchObject({ code: 0 })
    const { format } = await sharp(out).metadata()
    expect(format).toBe('png')
  })

  test('explains itself', async () => {
    const { code, stdout } = await demo('--help')
    expect(code).toBe(0)
    const flags = ['image', 'model1', 'model2', 'backend', 'lib', 'lib-arg', 'out', 'help']
    for (const flag of flags) expect(stdout).toContain(`  --${flag} `)
    // As `npm run demo -- --help` and `pnpm demo -- -h` arrive.
    expect(await demo('--', '-h')).toEqual({ code, stdout, stderr: '' })
  })

  test.each([
    ['a missing picture', ['--image', 'no.jpg'], 'no.jpg'],
    ['a missing model', ['--model1', 'no.onnx'], 'no.onnx'],
    ['a file that is no picture', ['--image', program], 'does not open as a picture'],
    ['a file that is no model', ['--model2', program], 'not an ONNX model'],
    ['an unknown backend', ['--backend', 'tpu'], "no backend 'tpu'"],
    ['three backends', ['--backend', 'ort,ort,ort'], '--backend'],
    ['a library for nobody', ['--backend', 'mock', '--lib', 'a.so'], '--lib'],
    ['an argument for no runtime', ['--lib-arg', 'a=b'], 'not for ort'],
    ['an argument without a value', ['--backend', 'npu', '--lib-arg', 'a'], "not 'a'"],
    ['an argument that is no number', ['--backend', 'npu', '--lib-arg', 'a:int=b'], "not 'a:int=b'"],
    ['an unknown flag', ['--modle1', 'a.onnx'], "'--modle1'; --help"],
  ])('says in one line what is wrong with %s', async (_, args, culprit) => {
    const { code, stderr, stdout } = await demo(...args)
    expect(code).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toContain(culprit)
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })

  test('finds the 12 faces of the original example', async ({ skip }) => {
    if (!existsSync(examples)) {
      console.log('skipped: the models and pictures of the OAAX examples are not on this machine')
      skip('the OAAX examples are not on this machine')
    }
    const picture = join(examples, 'faces.jpg')
    const { code, stdout } = await demo('--image', picture, '--model1', join(examples, 'face-locator.onnx'))
    expect(code).toBe(0)
    expect(stdout).toMatch(/face-locator.* 12 × face$/m)
    expect(stdout).toMatch(/object-detector.* nothing$/m)
  })
})
