import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url))
const examples = fileURLToPath(new URL('../../../../shared/data/oaax-examples/', import.meta.url))

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parallel-models-'))
})
afterAll(() => rm(folder, { recursive: true }))

interface Ending {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function demo(...args: string[]): Promise<Ending> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], { cwd: folder }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr })
    })
  })
}

describe('the demo', () => {
  test('runs both models at once and writes the picture with the boxes', async () => {
    const { code, stdout, stderr } = await demo()
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^device +model +start +end +ms +found$/m)
    expect(stdout).toMatch(/^ort:cpu +face-locator( +\d+\.\d){3} +3 × face$/m)
    expect(stdout).toMatch(/^ort:cpu +object-detector( +\d+\.\d){3} +\d × /m)
    const { width, height } = await sharp(join(folder, 'out/parallel-models.jpg')).metadata()
    expect([width, height]).toEqual([640, 480])
  })

  test('gives each model a backend of its own', async () => {
    const { code, stdout } = await demo('--backend', 'mock,ort')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^mock:0 +face-locator .* nothing$/m)
    expect(stdout).toMatch(/^ort:cpu +object-detector .*disc/m)
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
    for (const flag of ['--image', '--model1', '--model2', '--backend', '--lib', '--out', '--help']) {
      expect(stdout).toContain(flag)
    }
  })

  test.each([
    ['a missing picture', ['--image', 'no.jpg'], 'no.jpg'],
    ['a missing model', ['--model1', 'no.onnx'], 'no.onnx'],
    ['a file that is no picture', ['--image', program], 'does not open as a picture'],
    ['a file that is no model', ['--model2', program], 'not an ONNX model'],
    ['an unknown backend', ['--backend', 'tpu'], "no backend 'tpu'"],
    ['three backends', ['--backend', 'ort,ort,ort'], '--backend'],
    ['a library for nobody', ['--backend', 'mock', '--lib', 'a.so'], '--lib'],
    ['an unknown flag', ['--modle1', 'a.onnx'], '--modle1'],
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
