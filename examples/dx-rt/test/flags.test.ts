import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { pictureScorer } from '../src/model.js'
import { output, rows, start } from './program.js'

const folder = mkdtempSync(join(tmpdir(), 'dx-rt-'))
afterAll(() => rmSync(folder, { recursive: true }))

const SCRIPTS = [
  'run-sync-model',
  'run-sync-model-thread',
  'run-sync-model-bound',
  'run-async-model',
  'run-async-model-thread',
  'run-async-model-wait',
  'run-batch-model',
  'inference-options',
]

test.each(SCRIPTS)('%s explains itself', async (script) => {
  const stdout = await output(script, '--help')
  for (const flag of ['backend', 'model', 'loops', 'help']) expect(stdout).toContain(`\n  --${flag} `)
})

test.each([
  ['run-sync-model', ['--loops', '0'], '--loops is at least 1, not 0'],
  ['run-sync-model', ['--loops', 'many'], "--loops takes a whole number, not 'many'"],
  ['run-sync-model', ['--wrong', 'mood'], "--wrong takes name, type, shape, size, not 'mood'"],
  ['run-sync-model-thread', ['--threads', '0'], '--threads is at least 1, not 0'],
  ['run-sync-model-bound', ['--bound', 'NPU_3'], "not 'NPU_3'"],
  ['run-async-model', ['--max-load', '1.5'], "--max-load takes a whole number, not '1.5'"],
  ['run-async-model-thread', ['--threads'], "'--threads <value>' argument missing; --help"],
  ['run-async-model-wait', ['--timeout=-1'], '--timeout is at least 0, not -1'],
  ['run-batch-model', ['--backend', 'tpu'], "--backend takes mock, ort, npu, not 'tpu'"],
  ['run-batch-model', ['--model', 'no.onnx'], 'no.onnx'],
  ['inference-options', ['--use-ort', 'maybe'], "--use-ort takes true, false, not 'maybe'"],
  ['inference-options', ['--device', '0'], "Unknown option '--device'; --help"],
])('%s %j: one line', async (script, args, culprit) => {
  const { code, stdout, stderr } = await start(script, ...args).ended
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toContain(culprit)
  expect(stderr.trim().split('\n')).toHaveLength(1)
})

test('takes a model of yours', async () => {
  const model = join(folder, 'small.onnx')
  writeFileSync(model, pictureScorer(8, 1))
  const [sync] = rows(await output('run-async-model', '--model', model, '--loops', '3'))
  expect(sync).toMatchObject({ way: 'sync', runs: 3 })
})
