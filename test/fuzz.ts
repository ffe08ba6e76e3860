import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect } from 'vitest'
import { HalError } from '../packages/core/src/errors.ts'

/** `XPU_HAL_SEED` repeats a run, `XPU_HAL_CASES` is how many times as many cases as usual. */
const seed = Number(process.env.XPU_HAL_SEED ?? Math.floor(Math.random() * 2 ** 31))
const factor = Number(process.env.XPU_HAL_CASES ?? 1)

/** Far above what collecting garbage late leaves, far below what a leak in every case adds up to. */
const MAX_GROWTH = 256 * 2 ** 20

const codes = [
  'INVALID_ARGUMENT NOT_FOUND DEADLINE_EXCEEDED ABORTED RESOURCE_EXHAUSTED FAILED_PRECONDITION UNAVAILABLE UNIMPLEMENTED',
  'DATA_LOSS DEVICE_LOST INTERNAL',
].flatMap((line) => line.split(' ').map((word) => `HAL_${word}`))

/** Checks the predicate for that many made-up values; no memory may stay, and nothing on the prototype of all objects. */
export async function fuzz<T>(
  cases: number,
  values: fc.Arbitrary<T>,
  check: (value: T) => Promise<void> | void,
): Promise<void> {
  const numRuns = Math.ceil(cases * factor)
  console.log(`seed ${seed}, ${numRuns} cases`)
  const names = Reflect.ownKeys(Object.prototype)
  const before = anonymousBytes()
  await fc.assert(
    fc.asyncProperty(values, async (value) => {
      await check(value)
    }),
    { seed, numRuns },
  )
  expect(anonymousBytes() - before).toBeLessThan(MAX_GROWTH)
  expect(Reflect.ownKeys(Object.prototype)).toEqual(names)
}

/** What a call with bad input gives: nothing where it was accepted; otherwise an error that names the culprit. */
export async function refusal(act: () => unknown, culprit: string): Promise<Error | undefined> {
  try {
    await act()
    return undefined
  } catch (error) {
    if (!(error instanceof TypeError) && !HalError.isInstance(error)) throw error
    if (HalError.isInstance(error)) expect(codes).toContain(error.code)
    expect(error.message).toContain(culprit)
    return error
  }
}

/** Memory of this process that no file backs; 0 where the system does not tell. */
function anonymousBytes(): number {
  if (process.platform !== 'linux') return 0
  const [, kilobytes = '0'] =
    /^Pss_Anon:\s+(\d+)/m.exec(readFileSync('/proc/self/smaps_rollup', 'utf8')) ?? []
  return Number(kilobytes) * 1024
}

/** Names that objects have already, that C ends early, that are no whole Unicode, and that are very long. */
export const nastyNames = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '',
  '\0',
  'a\0b',
  '\ud800',
  '$(touch x)`; rm -r\n"\'',
  'x'.repeat(2 ** 20),
]

export const nastyName = fc.oneof(
  fc.constantFrom(...nastyNames),
  fc.string({ unit: 'binary', maxLength: 20 }),
)

/** Whatever an application could hand over in place of what was asked for. */
export const anything: fc.Arbitrary<unknown> = fc.oneof(
  fc.anything({ withBigInt: true, withNullPrototype: true, withSparseArray: true, withTypedArray: true }),
  fc.constantFrom<unknown>(Number.NaN, -0, 2 ** 53, 1e308, -1, 0.5, 10n, Symbol('symbol'), () => 1),
  fc.constantFrom<unknown>(
    { toString: () => ({}) },
    { toJSON: () => 10n },
    new Proxy([], { get: (_, key) => (key === 'length' ? 2 ** 52 : 'a') }),
  ),
  nastyName,
)
