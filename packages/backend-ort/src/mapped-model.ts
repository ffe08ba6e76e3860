import { chmod, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type EngineDriver, HalError, type OpenRequest } from '@xpu-hal/core/backend'
import { type HostOptions, host, PrivateFolder } from '@xpu-hal/host'
import type { OrtRunnerConfig } from './runner.js'

/** What every opening of a model in worker processes has in common. */
type ProcessOptions = HostOptions<OrtRunnerConfig>

/** Drivers that are open, with the folder of the model that their processes map. */
const folders = new WeakMap<EngineDriver, PrivateFolder>()

/**
 * Opens a model whose weights exist once in memory, however many processes use them: written to a file first, which the
 * processes of the engine and of its clones map.
 * @throws HalError HAL_INVALID_ARGUMENT for weights that are not on the CPU; HAL_UNAVAILABLE when there is no place for the file;
 * what opening throws
 */
export async function openMapped(
  options: ProcessOptions,
  { model: { name }, like }: OpenRequest,
): Promise<EngineDriver> {
  const { config } = options
  const known = like && folders.get(like)
  known?.join()
  const folder = known ?? (await writeModel(options))
  const path = join(folder.path, MODEL_FILE)
  try {
    const driver = await host({
      ...options,
      model: { kind: 'file', name, path },
      config: { ...config, weights: 'mapped' },
      sharesWeights: known !== undefined,
    })
    folders.set(driver, folder)
    const close = driver.doClose.bind(driver)
    driver.doClose = () => close().finally(() => folder.leave())
    return driver
  } catch (error) {
    await folder.leave()
    throw error
  }
}

const MODEL_FILE = 'model.onnx'

/** In a process that ends afterwards, because what writing takes is several times the size of the model. */
async function writeModel(options: ProcessOptions): Promise<PrivateFolder> {
  const folder = await newFolder(options.model.name)
  const { workers, config } = options
  try {
    const writer = await host({
      ...options,
      like: undefined,
      config: { ...config, profiling: undefined, weights: { writeTo: join(folder.path, MODEL_FILE) } },
      workers: workers.slice(0, 1),
    })
    await writer.doClose()
    for (const file of await readdir(folder.path)) await chmod(join(folder.path, file), 0o400)
    return folder
  } catch (error) {
    await folder.leave()
    throw error
  }
}

async function newFolder(model: string): Promise<PrivateFolder> {
  try {
    return await PrivateFolder.create()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new HalError(
      'HAL_UNAVAILABLE',
      `mapWeights: there is no place for the weights of model ${model}: ${reason}. Name a folder with room for them in TMPDIR.`,
      { cause },
    )
  }
}
