import { DATA_TYPES, type DataType, tensor } from '@xpu-hal/core'
import { sameOutputs, sameTensor } from '../assert.js'
import type { Case } from '../case.js'

function roundTrip(dataType: DataType): Case {
  return {
    id: `data-types/${dataType}`,
    title: `${dataType} passes through to the bit, the ends of its range included`,
    models: [`identity-${dataType}`],
    async run({ open, sample }) {
      const engine = await open(`identity-${dataType}`)
      for (let seed = 0; seed < 3; seed++) {
        const { inputs, outputs } = sample(`identity-${dataType}`, seed)
        sameOutputs(await engine.run(inputs), outputs)
      }
    },
  }
}

export const dataTypes: readonly Case[] = [
  ...DATA_TYPES.map(roundTrip),
  {
    id: 'data-types/string-with-nul',
    title: 'strings may contain U+0000',
    models: ['identity-string'],
    async run({ open }) {
      const engine = await open('identity-string')
      const x = tensor('string', [8], ['a\0b', '\0', 'c\0', '', 'd', 'e', 'f', 'g'])
      sameTensor((await engine.run({ x })).y, x)
    },
  },
]
