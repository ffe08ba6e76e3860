import { type Engine, elementCount, type Outputs, type Tensor } from '@xpu-hal/core'
import sharp from 'sharp'

// Pictures are what is worked on at the same time, not parts of one.
sharp.concurrency(1)

/** Milliseconds of the three stages. */
export interface Spent {
  readonly preprocess: number
  readonly run: number
  readonly postprocess: number
}

export interface Reading extends Spent {
  readonly label: string
  readonly scores: readonly number[]
}

/**
 * A preprocessor, a runtime and a postprocessor for models that read gauges: a picture float32 [1,height,width,3], pixel =
 * value / 127.5 - 1, to an output `scores-0:<class>;1:<class>...` float32 [1,classes]. For one picture at a time: it has one
 * tensor for all of them.
 */
export class Predictor {
  readonly #image: Tensor<'float32'>
  readonly #input: string

  /** @throws Error when the engine's model takes something else. */
  constructor(private readonly engine: Engine) {
    const [input, ...more] = engine.inputs
    if (input === undefined || more.length > 0 || input.dataType !== 'float32' || !isPicture(input.shape)) {
      throw new Error(
        `${engine.model} does not read gauges: one input float32 [1,height,width,3] is needed, not ` +
          (engine.inputs.map(({ dataType, shape }) => `${dataType} [${shape.join()}]`).join(' and ') ||
            'none'),
      )
    }
    this.#input = input.name
    this.#image = engine.allocate(input.name) as Tensor<'float32'>
  }

  /** @throws Error when the file is no picture; HalError of the run. */
  async predict(file: string): Promise<Reading> {
    const start = performance.now()
    await this.#preprocess(file)
    const ready = performance.now()
    const outputs = await this.engine.run({ [this.#input]: this.#image })
    const answered = performance.now()
    const answer = postprocess(outputs)
    const end = performance.now()
    return { ...answer, preprocess: ready - start, run: answered - ready, postprocess: end - answered }
  }

  /** Writes the picture, stretched to the model's size, to where the runtime reads it. */
  async #preprocess(file: string): Promise<void> {
    const { shape, data } = this.#image
    const [, height, width] = shape as [number, number, number]
    const picture = sharp(file).autoOrient().toColourspace('srgb').flatten()
    const pixels = await picture.resize(width, height, { fit: 'fill' }).raw().toBuffer()
    if (pixels.length !== elementCount(shape)) throw new Error(`${file} has more than three colours`)
    for (let i = 0; i < data.length; i++) data[i] = (pixels[i] as number) / 127.5 - 1
  }
}

function isPicture(shape: readonly number[]): boolean {
  const [batch, height = 0, width = 0, colours] = shape
  return shape.length === 4 && batch === 1 && height > 0 && width > 0 && colours === 3
}

function postprocess(outputs: Outputs): { label: string; scores: readonly number[] } {
  const [[name, output] = ['', undefined]] = Object.entries(outputs)
  if (!(output?.data instanceof Float32Array) || !name.startsWith('scores-')) {
    throw new Error(`the model has no float32 output 'scores-...', but ${Object.keys(outputs).join(', ')}`)
  }
  const scores = [...output.data]
  const best = scores.indexOf(Math.max(...scores))
  const [, label = `class ${best}`] = new RegExp(`[-;]${best}:([^;]*)`).exec(name) ?? []
  return { label, scores }
}
