import { describe, expect, it } from 'vitest'
import { cores, failure, openManual } from './fixtures/manual-backend.ts'

describe('boundOption', () => {
  it.each([
    ['NPU_ALL', ['NPU_0', 'NPU_1', 'NPU_2']],
    ['NPU_0', ['NPU_0']],
    ['NPU_1', ['NPU_1']],
    ['NPU_2', ['NPU_2']],
    ['NPU_01', ['NPU_0', 'NPU_1']],
    ['NPU_12', ['NPU_1', 'NPU_2']],
    ['NPU_02', ['NPU_0', 'NPU_2']],
    [['NPU_2'], ['NPU_2']],
    [
      ['NPU_2', 'NPU_0', 'NPU_2'],
      ['NPU_2', 'NPU_0'],
    ],
  ] as ['NPU_ALL' | string[], string[]][])('%s allows %s', async (boundOption, expected) => {
    const { driver } = await openManual({ cores: cores(3) }, { boundOption })
    expect(driver.request.cores).toEqual(expected)
  })

  it('goes by position, whatever the cores are called', async () => {
    const named = [
      { id: 'left', slots: 1 },
      { id: 'right', slots: 1 },
    ]
    const { driver } = await openManual({ cores: named }, { boundOption: 'NPU_1' })
    expect(driver.request.cores).toEqual(['right'])
    const byId = await openManual({ cores: named }, { boundOption: ['left'] })
    expect(byId.driver.request.cores).toEqual(['left'])
  })

  it.each([['NPU_2'], ['NPU_12'], [['NPU_7']], [[]], ['NPU_9']])(
    'refuses %j on two cores',
    async (boundOption) => {
      const error = await failure(openManual({ cores: cores(2) }, { boundOption: boundOption as string[] }))
      expect(error).toMatchObject({
        code: 'HAL_INVALID_ARGUMENT',
        message: expect.stringContaining('boundOption'),
      })
    },
  )

  it('names the core that is not there and those that are', async () => {
    const error = await failure(openManual({ cores: cores(2) }, { boundOption: 'NPU_12' }))
    expect(error.message).toContain('asks for core NPU_2, but manual:0 has NPU_0, NPU_1')
  })
})
