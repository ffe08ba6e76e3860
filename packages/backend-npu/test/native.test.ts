import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { ort_library } from './reference.js'
import { folder } from './support.js'

const script = fileURLToPath(new URL('../native/test/run.sh', import.meta.url))

/** Why programs cannot be built with the flag and started; undefined where they can. */
function obstacle(flag: string): string | undefined {
  if (process.platform !== 'linux') return `the native libraries are not made for ${process.platform}`
  const source = join(folder, 'probe.cc')
  writeFileSync(source, 'int main() { return 0; }\n')
  const program = join(folder, 'probe')
  const compiler = process.env.CXX ?? 'c++'
  const { error, status } = spawnSync(compiler, [...flag.split(' ').filter(Boolean), source, '-o', program])
  if (error) return `the compiler '${compiler}' is not there`
  if (status !== 0) return `'${compiler}' cannot build with ${flag || 'no flags'}`
  return spawnSync(program).status === 0 ? undefined : `a program built with ${flag} does not start`
}

// The checks under ThreadSanitizer and valgrind take minutes: CONTRIBUTING tells how to run them.
describe.each([
  { check: 'plain', flag: '' },
  { check: 'address', flag: '-fsanitize=address,undefined' },
])('native tests, $check', ({ check, flag }) => {
  const reason = obstacle(flag)
  if (reason !== undefined) console.log(`skipped: native tests, ${check}: ${reason}`)

  test.skipIf(reason !== undefined)(
    'right answers in every form, and nothing lost',
    { timeout: 300_000 },
    () => {
      const { status, stdout, stderr } = spawnSync('sh', [script, ort_library], {
        env: { ...process.env, CHECKS: check, COUNT: '200' },
        encoding: 'utf8',
      })
      // With the whole of what was said, so that a failure shows the report of the sanitizer.
      expect(status, stdout + stderr).toBe(0)
    },
  )
})
