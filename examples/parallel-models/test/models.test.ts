import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ort } from '@xpu-hal/backend-ort'
import { createHal, type Engine, type Hal, tensor } from '@xpu-hal/core'
import { encodeModel } from '@xpu-hal/onnx'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Detection, readDetections } from '../src/detections.js'
import { imageSizeOf, type NamedTensors, prepareInputs } from '../src/inputs.js'
import { objectDetector } from '../src/models/detector.js'
import { faceLocator } from '../src/models/locator.js'
import { boxOf, drawLots, paint, type Scene, type SceneObject } from '../src/scene.js'

const LOCATOR_PIXELS = { mean: 127, scale: 128 }
const DETECTOR_PIXELS = { mean: 0, scale: 1 }
/** No scene of these seeds was looked at while the models were made. */
const SEEDS = Array.from({ length: 60 }, (_, i) => 700_001 + i)

let folder: string
let hal: Hal
let locator: Engine
let detector: Engine

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parallel-models-'))
  hal = createHal({ backends: [ort()] })
  locator = await hal.openEngine(encodeModel(faceLocator()))
  detector = await hal.openEngine(encodeModel(objectDetector()))
})

afterAll(async () => {
  await hal.close()
  await rm(folder, { recursive: true })
})

async function save(scene: Scene): Promise<string> {
  const file = join(folder, `${scene.seed}.jpg`)
  await writeFile(file, await paint(scene))
  return file
}

async function detect(engine: Engine, inputs: NamedTensors): Promise<Detection[]> {
  return readDetections(await engine.run(inputs), imageSizeOf(inputs))
}

async function findAll(picture: string): Promise<Detection[]> {
  const found = await Promise.all([
    detect(locator, await prepareInputs(locator.inputs, picture, LOCATOR_PIXELS)),
    detect(detector, await prepareInputs(detector.inputs, picture, DETECTOR_PIXELS)),
  ])
  return found.flat()
}

/** Intersection over union of two boxes. */
function likeness(a: readonly number[], b: readonly number[]): number {
  const [ax1 = 0, ay1 = 0, ax2 = 0, ay2 = 0] = a
  const [bx1 = 0, by1 = 0, bx2 = 0, by2 = 0] = b
  const width = Math.max(0, Math.min(ax2, bx2) - Math.max(ax1, bx1))
  const height = Math.max(0, Math.min(ay2, by2) - Math.max(ay1, by1))
  const shared = width * height
  return shared / ((ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - shared)
}

function isFound(object: SceneObject, found: readonly Detection[]): boolean {
  return found.some(({ label, box }) => label === object.shape && likeness(box, boxOf(object)) >= 0.7)
}

describe('the models of the demo', () => {
  test(`find every object of ${SEEDS.length} new scenes and invent none`, async () => {
    let objects = 0
    for (const seed of SEEDS) {
      const scene = drawLots(seed)
      const found = await findAll(await save(scene))
      const missed = scene.objects.filter((object) => !isFound(object, found))
      expect(missed, `missed in scene ${seed}, which gave ${JSON.stringify(found)}`).toEqual([])
      expect(found, `scene ${seed}`).toHaveLength(scene.objects.length)
      objects += scene.objects.length
    }
    expect(objects).toBeGreaterThan(5 * SEEDS.length)
  })

  test('find nothing where there is nothing', async () => {
    const empty = { ...drawLots(1), objects: [] }
    expect(await findAll(await save(empty))).toEqual([])
  })

  test('look only where the mask allows it', async () => {
    const scene = drawLots(2)
    const picture = await save({ ...scene, objects: objectsInARow })
    const inputs = await prepareInputs(detector.inputs, picture, DETECTOR_PIXELS)
    const left = tensor('bool', [240, 320])
    left.data.forEach((_, i) => {
      left.data[i] = i % 320 < 160 ? 1 : 0
    })
    const all = await detect(detector, inputs)
    const some = await detect(detector, { ...inputs, 'mask-': left })
    expect(all.map(({ label }) => label).sort()).toEqual(['cross', 'disc', 'square', 'triangle'])
    expect(some.map(({ label }) => label).sort()).toEqual(['disc', 'square'])
  })

  test('are small, and the same every time', () => {
    for (const make of [faceLocator, objectDetector]) {
      const bytes = encodeModel(make())
      expect(bytes.length).toBeLessThan(1_000_000)
      expect(Buffer.compare(bytes, encodeModel(make()))).toBe(0)
    }
  })

  test('take what the models of the original example take', () => {
    expect(locator.inputs).toEqual([
      { name: 'image-', dataType: 'float32', shape: [1, 3, 240, 320] },
      { name: 'nms_sensitivity-', dataType: 'float32', shape: [1] },
    ])
    expect(detector.inputs).toEqual([
      { name: 'image-', dataType: 'float32', shape: [1, 240, 320, 3] },
      { name: 'nms_sensitivity-', dataType: 'float32', shape: [1] },
      { name: 'mask-', dataType: 'bool', shape: [240, 320] },
    ])
    const [faces, objects] = [locator, detector].flatMap(({ outputs }) => outputs)
    expect(faces).toEqual({ name: 'bboxes-format:xyxysc;0:face', dataType: 'float32', shape: [-1, 6] })
    expect(objects?.name).toBe('bboxes-format:xyxysc;0:disc;1:square;2:triangle;3:cross')
  })
})

const objectsInARow: readonly SceneObject[] = (['disc', 'square', 'triangle', 'cross'] as const).map(
  (shape, i) => ({ shape, x: 80 + 160 * i, y: 240, radius: 45, colour: 'hsl(210, 90%, 50%)' }),
)
