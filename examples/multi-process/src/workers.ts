import type { Engine, EngineOptions, Hal } from '@xpu-hal/core'
import { type Answer, answer, type BackendName, Predictor } from '@xpu-hal/example-gauges'

/** An engine whose runtime works in so many processes. */
export function openWorkers(
  hal: Hal,
  model: string,
  { backend, processes, mapWeights }: { backend: BackendName; processes: number; mapWeights: boolean },
): Promise<Engine> {
  const options: EngineOptions = { ...workersOn(backend, processes), isolation: 'process', repeatable: true }
  return hal.openEngine(model, mapWeights ? { ...options, mapWeights } : options)
}

/** So many workers, each of which computes in one thread. */
export function workersOn(backend: BackendName, workers: number): EngineOptions {
  return backend === 'ort' ? { workers, threadsPerWorker: 1 } : { workers }
}

/**
 * Reads all pictures with one engine, in the order in which they get ready. Two pictures for each worker are under way: one that it
 * runs, and one that is decoded meanwhile. `onAnswer` is told how many are read.
 */
export async function readAll(
  engine: Engine,
  workers: number,
  pictures: readonly string[],
  onAnswer: (read: number) => void = () => {},
): Promise<Answer[]> {
  const answers: Answer[] = []
  let taken = 0
  const lane = async () => {
    const predictor = new Predictor(engine)
    while (taken < pictures.length) {
      answers.push(await answer(predictor, pictures, taken++))
      onAnswer(answers.length)
    }
  }
  await Promise.all(Array.from({ length: 2 * workers }, lane))
  return answers
}
