import assert from 'node:assert/strict'
import { HalError, type HalErrorCode, type Outputs, type Tensor } from '@xpu-hal/core'
import { bytesOf } from './models/values.js'

function checkError(error: unknown, code: HalErrorCode, naming: readonly string[]): HalError {
  if (!HalError.isInstance(error)) {
    throw new assert.AssertionError({
      message: `expected ${code}, got ${String(error)}`,
      actual: error,
      expected: code,
    })
  }
  assert.equal(error.code, code, `expected ${code}, got ${error.code}: ${error.message}`)
  for (const word of naming) {
    assert.ok(error.message.includes(word), `the message does not name "${word}": ${error.message}`)
  }
  return error
}

/** Waits for a rejection with that code, whose message contains every word of `naming`. */
export async function rejects(
  promise: Promise<unknown>,
  code: HalErrorCode,
  ...naming: string[]
): Promise<HalError> {
  const result = await promise.then(
    () => undefined,
    (error: unknown) => ({ error }),
  )
  assert.ok(result !== undefined, `expected ${code}, but the call succeeded`)
  return checkError(result.error, code, naming)
}

/** The same for a call that must throw at once. */
export function throws(call: () => unknown, code: HalErrorCode, ...naming: string[]): HalError {
  try {
    call()
  } catch (error) {
    return checkError(error, code, naming)
  }
  throw new assert.AssertionError({ message: `expected ${code}, but the call succeeded` })
}

/** Type, shape and every bit of the data must agree. */
export function sameTensor(actual: Tensor | undefined, expected: Tensor, name = 'tensor'): void {
  assert.ok(actual !== undefined, `${name} is missing`)
  assert.equal(actual.dataType, expected.dataType, `${name}: data type`)
  assert.deepEqual([...actual.shape], [...expected.shape], `${name}: shape`)
  if (expected.dataType === 'string') assert.deepEqual(actual.data, expected.data, `${name}: elements`)
  else assert.deepEqual(bytesOf(actual), bytesOf(expected), `${name}: bytes`)
}

/** Names, their order, and every tensor must agree. */
export function sameOutputs(actual: Outputs, expected: Readonly<Record<string, Tensor>>): void {
  assert.deepEqual(Object.keys(actual), Object.keys(expected), 'names of the outputs')
  for (const [name, value] of Object.entries(expected)) {
    assert.ok(Object.hasOwn(actual, name), `output ${name} is not an own property`)
    sameTensor(actual[name], value, `output ${name}`)
  }
}

/** A copy of the tensors that later writes to the originals do not reach. */
export function snapshot(outputs: Outputs): Outputs {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, value]) => [
      name,
      { ...value, shape: [...value.shape], data: value.data.slice() } as Tensor,
    ]),
  )
}

/** One turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
