import { describe, expect, it } from 'vitest'
import type { Option } from '../src/index.ts'
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
  ])('%s refuses %o and names itself', (name, value) => {
    const error = thrown(() => resolve({ [name]: value }))
    expect(error).toMatchObject({
      code: 'HAL_INVALID_ARGUMENT',
      message: expect.stringContaining(`option '${name}'`),
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

  it('does not read inherited values', () => {
    expect(resolve(Object.create({ count: 99 }))).toMatchObject({ count: 3 })
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
