import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const program = fileURLToPath(new URL('./fixtures/run-once.mjs', import.meta.url))

test.each(['thread', 'process', 'inline'])('ONNX Runtime writes no files of its own (%s)', (isolation) => {
  const home = mkdtempSync(join(tmpdir(), 'xpu-hal-telemetry-'))
  try {
    const { ORT_DISABLE_TELEMETRY: _, ...others } = process.env
    const env = { ...others, HOME: home, TMPDIR: home, XDG_CACHE_HOME: home }
    const { status, stderr } = spawnSync(process.execPath, [program, isolation], { env, encoding: 'utf8' })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(readdirSync(home)).toEqual([])
  } finally {
    rmSync(home, { recursive: true })
  }
})
