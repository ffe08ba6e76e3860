import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { COMMON_OPTIONS, type Option } from '../src/index.ts'
import { checkOptionNames, resolveOptions } from '../src/option-check.ts'
import { thrown } from './fixtures/manual-backend.ts'

const options: readonly Option[] = [
  { name: 'path', type: 'string', description: '' },
  { name: 'fast', type: 'boolean', default: true, description: '' },
  { name: 'count', type: 'integer', min: 1, max: 10, default: 3, description: '' },
  { name: 'share', type: 'number', min: 0.5, max: 2, description: '' },
  { name: 'level', type: 'enum', values: ['low', 'high'], description: '' },
  { name: 'cores', type: 'strings', values: ['ALL'], description: '' },
  { name: 'session', type: 'record', description: '' },
  { name: 'workers', type: 'integer', values: ['auto'], min: 1, description: '' },
  { name: 'places', type: 'list', values: ['ALL'], min: 0, description: '' },
  {
    name: 'group',
    type: 'settings',
    description: '',
    settings: [
      { name: 'size', type: 'integer', min: 2, required: true, description: 'rows' },
      { name: 'delay', type: 'number', min: 0, default: 2, description: '' },
      {
        name: 'inner',
        type: 'settings',
        description: '',
        settings: [{ name: 'on', type: 'boolean', description: '' }],
      },
    ],
  },
]
const resolve = (given: Record<string, unknown>) => resolveOptions(given, options)

describe('resolveOptions', () => {
  it('fills in defaults and leaves out what has none', () => {
    expect(resolve({})).toEqual({ fast: true, count: 3 })
    expect(resolve({ fast: undefined, path: undefined })).toEqual({ fast: true, count: 3 })
  })

  it.each([
    ['path', ''],
    ['fast', false],
    ['count', 1],
    ['count', 10],
    ['share', 0.5],
    ['share', 2],
    ['level', 'low'],
    ['cores', 'ALL'],
    ['cores', ['a', 'b']],
    ['session', {}],
    ['session', { a: 'b' }],
    ['workers', 3],
    ['places', 'ALL'],
    ['places', ['a', 'b']],
    ['places', [0, 7]],
    ['group', { size: 2, delay: 0.5 }],
    ['group', { size: 2, delay: 2, inner: { on: false } }],
  ])('%s takes %j', (name, value) => {
    expect(resolve({ [name]: value })).toMatchObject({ [name]: value })
  })

  it.each([
    ['path', 5],
    ['fast', 'true'],
    ['fast', 1],
    ['count', 0],
    ['count', 11],
    ['count', 1.5],
    ['count', '3'],
    ['count', 3n],
    ['count', Number.NaN],
    ['count', null],
    ['share', 0.4],
    ['share', 2.1],
    ['share', Number.POSITIVE_INFINITY],
    ['level', 'hihg'],
    ['level', ['low']],
    ['level', Object.create(null)],
    ['cores', 'a'],
    ['cores', []],
    ['cores', [1]],
    ['session', null],
    ['session', ['a']],
    ['session', { a: 1 }],
    ['workers', 'AUTO'],
    ['workers', ['auto']],
    ['workers', 0],
    ['workers', -1],
    ['places', []],
    ['places', 0],
    ['places', ['a', 0]],
    ['places', [-1]],
    ['places', [0.5]],
    ['places', [Number.NaN]],
    ['places', [0n]],
    ['places', new Uint8Array(2)],
    ['places', new Array(2)],
    ['places', new Proxy([0], {})],
    ['group', true],
    ['group', null],
    ['group', [2]],
    ['group', new Map([['size', 2]])],
    ['group', new Proxy({ size: 2 }, {})],
    ['group', {}],
    ['group', { size: undefined }],
    ['group', { size: Number.NaN }],
    ['group', { size: Symbol('2') }],
    ['group', { size: 2, inner: true }],
    ['group', { size: 2, inner: { on: 1 } }],
  ])('%s refuses %o and names itself', (name, value) => {
    const error = thrown(() => resolve({ [name]: value }))
    expect(error).toMatchObject({
      code: 'HAL_INVALID_ARGUMENT',
      message: expect.stringContaining(`option '${name}`),
    })
  })

  it('says what came, also where JSON cannot', () => {
    expect(thrown(() => resolve({ count: Number.NaN })).message).toContain('got NaN')
    expect(thrown(() => resolve({ share: Number.POSITIVE_INFINITY })).message).toContain('got Infinity')
    expect(thrown(() => resolve({ level: 'hihg' })).message).toContain("did you mean 'high'?")
    const circular: Record<string, unknown> = {}
    circular.self = circular
    expect(thrown(() => resolve({ path: circular })).code).toBe('HAL_INVALID_ARGUMENT')
  })

  it('refuses a list of no end', () => {
    const message = thrown(() => resolve({ places: new Array(2 ** 32 - 1) })).message
    expect(message).toBe("option 'places' cannot be read: 4294967295 entries are more than 65536")
  })

  it('leaves a number out where a word says so', () => {
    expect(resolve({ workers: 'auto' })).toEqual({ fast: true, count: 3 })
  })

  it('names what is wrong within an option by its whole name', () => {
    const message = (group: unknown) => thrown(() => resolve({ group })).message
    expect(message({ size: 1 })).toBe("option 'group.size' is at least 2, got 1")
    expect(message({ delay: 1 })).toBe("option 'group.size' is missing: rows")
    expect(message({ size: 2, dealy: 1 })).toBe("option 'group' has no option 'dealy'; did you mean 'delay'?")
    expect(message({ size: 2, inner: { on: 'no' } })).toBe(
      "option 'group.inner.on' is true or false, got 'no'",
    )
    expect(message({ size: 2, inner: { off: true } })).toContain("option 'group.inner' has no option 'off'")
    expect(message(7)).toBe("option 'group' is an object with 'size', 'delay', 'inner', got 7")
  })

  it('fills in the defaults within an option', () => {
    expect(resolve({ group: { size: 4 } }).group).toEqual({ size: 4, delay: 2 })
    expect(resolve({ group: { size: 4, delay: undefined } }).group).toEqual({ size: 4, delay: 2 })
  })

  it('uses the values that it has checked, whatever becomes of them later', () => {
    const given = { group: { size: 4, inner: { on: true } }, places: [0, 1] }
    const resolved = resolve(given)
    given.group.size = -1
    given.group.inner.on = 'no' as never
    given.places.push(-1)
    expect(resolved).toMatchObject({ group: { size: 4, inner: { on: true } }, places: [0, 1] })
  })

  it('reads a getter once, and says which one throws', () => {
    let reads = 0
    const counting = {
      get size() {
        return ++reads + 1
      },
    }
    expect(resolve({ group: counting }).group).toMatchObject({ size: 2 })
    const throwing = {
      get size(): number {
        throw new Error('no value')
      },
    }
    const error = thrown(() => resolve({ group: throwing }))
    expect(error).toMatchObject({ code: 'HAL_INVALID_ARGUMENT', cause: expect.any(Error) })
    expect(error.message).toBe("option 'group' cannot be read: no value")
  })

  it('takes objects of another realm and without a prototype', () => {
    const foreign: unknown = runInNewContext('({ size: 3 })')
    expect(resolve({ group: foreign }).group).toEqual({ size: 3, delay: 2 })
    const bare = Object.assign(Object.create(null), { size: 3 })
    expect(resolve({ group: bare }).group).toEqual({ size: 3, delay: 2 })
  })

  it('does not read inherited values', () => {
    expect(resolve(Object.create({ count: 99 }))).toMatchObject({ count: 3 })
  })
})

describe('the options of every engine', () => {
  const common = (given: Record<string, unknown>) => resolveOptions(given, COMMON_OPTIONS)

  it('are off, or as the backend decides, when they are not given', () => {
    const resolved = common({})
    expect(resolved).toMatchObject({ devices: 'auto', warmUp: 0 })
    for (const name of ['spread', 'batching', 'workers']) expect(resolved).not.toHaveProperty(name)
  })

  it('take what their documentation says', () => {
    expect(common({ batching: { maxSize: 16 } }).batching).toEqual({
      maxSize: 16,
      maxDelay: 2,
      adaptive: true,
    })
    expect(common({ devices: [0, 2], spread: false })).toMatchObject({ devices: [0, 2], spread: false })
    expect(common({ workers: 'auto', warmUp: 3 })).toMatchObject({ warmUp: 3 })
    expect(common({ workers: 'auto' })).not.toHaveProperty('workers')
  })

  it.each([
    [{ batching: { maxSize: 1 } }, "option 'batching.maxSize' is at least 2, got 1"],
    [{ batching: { maxSize: 65_537 } }, "option 'batching.maxSize' is at most 65536, got 65537"],
    [{ batching: { maxSize: 8, maxDelay: -1 } }, "option 'batching.maxDelay' is at least 0, got -1"],
    [{ batching: { maxsize: 8 } }, "option 'batching' has no option 'maxsize'; did you mean 'maxSize'?"],
    [{ batching: {} }, "option 'batching.maxSize' is missing: rows of one execution"],
    [{ workers: 'many' }, "option 'workers' is a whole number or one of 'auto', got 'many'"],
    [{ workers: 0 }, "option 'workers' is at least 1, got 0"],
    [{ workers: -2 }, "option 'workers' is at least 1, got -2"],
    [{ warmUp: -1 }, "option 'warmUp' is at least 0, got -1"],
    [{ warmUp: 1001 }, "option 'warmUp' is at most 1000, got 1001"],
    [{ spread: 1 }, "option 'spread' is true or false, got 1"],
  ])('%j: %s', (given, message) => {
    expect(thrown(() => common(given)).message).toBe(message)
  })
})

describe('checkOptionNames', () => {
  it('suggests the likely spelling', () => {
    const error = thrown(() => checkOptionNames({ cuont: 1 }, options, 'an engine'))
    expect(error.code).toBe('HAL_INVALID_ARGUMENT')
    expect(error.message).toBe("an engine has no option 'cuont'; did you mean 'count'?")
  })

  it.each(['__proto__', 'constructor', 'toString'])('does not know %s', (name) => {
    const given = Object.defineProperty({}, name, { value: 1, enumerable: true })
    expect(thrown(() => checkOptionNames(given, options, 'an engine')).message).toContain(`'${name}'`)
  })
})
