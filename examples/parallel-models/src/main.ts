import { fileURLToPath } from 'node:url'
import { type Core, createHal, type EngineOptions, type RunMetrics } from '@xpu-hal/core'
import { type Arguments, HELP, readArguments } from './arguments.js'
import { makeAssets } from './assets.js'
import { makeBackends } from './backends.js'
import { readDetections } from './detections.js'
import { drawDetections } from './draw.js'
import { imageSizeOf, inputsOf, prepareInputs } from './inputs.js'
import { checkPicture } from './picture.js'
import { legend, overlap, table } from './table.js'

// The first model wants its pixels from -1 to 1, the second from 0 to 255.
const LOCATOR = { pixels: { mean: 127, scale: 128 }, colour: '#ffd23f' }
const DETECTOR = { pixels: { mean: 0, scale: 1 }, colour: '#4de8ff' }

try {
  const options = readArguments(process.argv.slice(2))
  if (options.help) console.log(HELP)
  else await run(options)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

async function run({ image, models, backends, out, ...runtime }: Arguments): Promise<void> {
  const own = await makeAssets(fileURLToPath(new URL('./assets', import.meta.url)))
  const picture = image ?? own.image
  await checkPicture(picture)
  const slots = [
    { ...LOCATOR, model: models[0] ?? own.models[0], backend: backends[0] },
    { ...DETECTOR, model: models[1] ?? own.models[1], backend: backends[1] },
  ]

  await using hal = createHal({ backends: await makeBackends(backends, runtime) })
  const devices = await hal.devices()
  const ready = await Promise.all(
    slots.map(async ({ model, backend, pixels, colour }, i) => {
      const cores = devices.find((device) => device.backend === backend)?.cores ?? []
      const engine = await hal.openEngine(model, { devices: [backend], ...coreFor(i, cores) })
      const inputs = await prepareInputs(await inputsOf(engine, model), picture, pixels)
      await engine.run(inputs) // The first run of a model also takes memory; that is not timed.
      return { engine, inputs, colour }
    }),
  )

  const reports = await Promise.all(
    ready.map(async ({ engine, inputs, colour }) => {
      const metrics = new Promise<RunMetrics>((resolve) => engine.on('run', resolve))
      const outputs = await engine.run(inputs)
      const detections = readDetections(outputs, imageSizeOf(inputs))
      return { model: engine.model, device: engine.device, metrics: await metrics, detections, colour }
    }),
  )

  console.log(`${table(reports)}\n\n${legend(reports)}\n${overlap(reports)}`)
  await drawDetections(picture, reports, out)
  console.log(`The picture with the boxes is ${out}`)
}

/** A core that the other model leaves alone, where the device has one: `i` counts the models. */
function coreFor(i: number, cores: readonly Core[]): Pick<EngineOptions, 'boundOption'> {
  const core = cores[i % cores.length]
  return core === undefined ? {} : { boundOption: [core.id] }
}
