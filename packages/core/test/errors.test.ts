import { describe, expect, it } from 'vitest'
import { HalError } from '../src/index.ts'

describe('HalError', () => {
  it('carries its code, where it happened, and the cause', () => {
    const cause = new Error('deep')
    const native = { call: 'OrtRun', status: 3 }
    const error = new HalError('HAL_INTERNAL', 'broke', { device: 'd:0', engine: 'e', job: 7, native, cause })
    expect(error).toMatchObject({
      name: 'HalError',
      code: 'HAL_INTERNAL',
      device: 'd:0',
      engine: 'e',
      job: 7,
      native,
    })
    expect(error.cause).toBe(cause)
    expect(error).toBeInstanceOf(Error)
    expect(error.stack).toContain('HalError: broke')
  })

  it('has no empty details', () => {
    const error = new HalError('HAL_NOT_FOUND', 'gone')
    expect('device' in error || 'engine' in error || 'job' in error || 'native' in error).toBe(false)
    expect('cause' in error).toBe(false)
  })

  it('is told apart across copies of the package, and not confused with look-alikes', () => {
    const foreign = Object.assign(new Error('other copy'), { code: 'HAL_ABORTED' })
    expect(HalError.isInstance(foreign)).toBe(false)
    Object.defineProperty(foreign, Symbol.for('xpu-hal.error'), { value: true })
    expect(HalError.isInstance(foreign)).toBe(true)
    for (const value of [null, undefined, 'HAL_ABORTED', { code: 'HAL_ABORTED' }]) {
      expect(HalError.isInstance(value)).toBe(false)
    }
  })

  it('from: gives the same error when nothing is to be added', () => {
    const error = new HalError('HAL_ABORTED', 'stop', { engine: 'e' })
    expect(HalError.from(error)).toBe(error)
    expect(HalError.from(error, { engine: 'another' })).toBe(error)
  })

  it('from: adds what is missing, keeps what is there, and keeps the stack', () => {
    const cause = new Error('why')
    const error = new HalError('HAL_ABORTED', 'stop', { engine: 'e', cause })
    const more = HalError.from(error, { engine: 'x', job: 3 })
    expect(more).toMatchObject({ code: 'HAL_ABORTED', message: 'stop', engine: 'e', job: 3 })
    expect(more.stack).toBe(error.stack)
    expect(more.cause).toBe(cause)
  })

  it.each([
    [new RangeError('far'), 'far'],
    ['words', 'words'],
    [undefined, 'undefined'],
    [Symbol('s'), 'Symbol(s)'],
  ])('from: wraps %s as HAL_INTERNAL with the original as cause', (thrown, message) => {
    const error = HalError.from(thrown, { device: 'd:0' })
    expect(error).toMatchObject({ code: 'HAL_INTERNAL', message, device: 'd:0' })
    expect(error.cause).toBe(thrown)
  })
})
