import type { BoundOption, Device } from '@xpu-hal/core'
import { comparison, measure, table } from './measure.js'
import { run } from './program.js'
import { filledInputs } from './tensors.js'
import { allAtOnce, oneByOne } from './ways.js'

await run({
  about:
    'Runs a model with inference options: on several devices, on some of their cores, with or without help of the CPU.',
  flags: {
    devices: {
      about: 'positions of devices, as 0,2; auto: the first accelerator that takes the model',
      default: '',
    },
    bound: {
      about: 'cores of each device',
      words: ['NPU_ALL', 'NPU_0', 'NPU_1', 'NPU_2', 'NPU_01', 'NPU_12', 'NPU_02'],
      default: 'NPU_ALL',
    },
    'use-ort': {
      about: 'whether the CPU may execute operators for the NPU',
      words: ['true', 'false'],
      default: 'true',
    },
  },
  simulated: { devices: 3 },
  async main({ loops, devices, bound, backend, ...flags }, { hal, open }) {
    const all = await hal.devices()
    console.log(`Devices:\n${all.map(describe).join('\n')}`)

    const usual = backend === 'mock' ? '0,2' : '0'
    await using engine = await open({
      devices: readDevices(devices === '' ? usual : devices),
      boundOption: bound as BoundOption,
      useOrt: flags['use-ort'] === 'true',
    })
    const { devices: ids, boundOption, useOrt, workers } = engine.options
    console.log('Inference options:')
    console.log(
      `  devices ${JSON.stringify(ids)}, boundOption ${boundOption}, useOrt ${useOrt}, workers ${workers}`,
    )

    const inputs = filledInputs(engine, 0)
    const sync = await measure(engine, 'sync', () => oneByOne(engine, inputs, loops))
    const async = await measure(engine, 'all at once', () => allAtOnce(engine, inputs, loops))
    console.log(table([sync, async]))
    console.log(comparison('all at once', async, sync))
  },
})

function describe({ id, name, cores }: Device, position: number): string {
  const ids = cores.map((core) => (core.slots === 1 ? core.id : `${core.id} x ${core.slots}`))
  return `  ${position}  ${id}  ${name}  ${ids.join(' ')}`
}

function readDevices(text: string): 'auto' | number[] {
  if (text === 'auto') return 'auto'
  if (!/^\d+(,\d+)*$/.test(text)) throw new Error(`--devices takes positions as 0,2, or auto, not '${text}'`)
  return text.split(',').map(Number)
}
