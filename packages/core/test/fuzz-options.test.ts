import fc from 'fast-check'
import { expect, test } from 'vitest'
import { anything, fuzz, nastyName, refusal } from '../../../test/fuzz.ts'
import type { Option, OptionType } from '../src/backend.ts'
import { checkOptionNames, resolveOptions } from '../src/option-check.ts'

const types: readonly OptionType[] = [
  ...(['string', 'boolean', 'integer', 'number', 'enum', 'strings', 'list', 'record'] as const),
]
const plain: readonly Option[] = types.map((type) => ({
  name: `the-${type}`,
  type,
  description: '',
  values: type === 'enum' ? ['one', 'two'] : [],
  min: 0,
  max: 10,
}))
const known: readonly Option[] = [
  ...plain,
  { name: 'the-settings', type: 'settings', description: '', settings: plain },
]

test('a value of an option is taken or refused by name', async () => {
  await fuzz(2000, fc.tuple(fc.constantFrom(...known), anything), async ([option, value]) => {
    await refusal(() => resolveOptions({ [option.name]: value }, known), `'${option.name}'`)
  })
}, 120_000)

test('a value within an option is taken or refused by its whole name', async () => {
  await fuzz(2000, fc.tuple(fc.constantFrom(...plain), anything), async ([setting, value]) => {
    const given = { 'the-settings': { [setting.name]: value } }
    await refusal(() => resolveOptions(given, known), `'the-settings.${setting.name}'`)
  })
}, 120_000)

test('an unknown name is refused, whatever objects have by that name', async () => {
  await fuzz(1000, nastyName, async (name) => {
    const given = Object.fromEntries([[name, 1]])
    const error = await refusal(() => checkOptionNames(given, known, 'the engine'), `'${name}'`)
    expect(error).toBeDefined()
  })
}, 120_000)
