import type { EngineDriver, RunAnswer } from '../backend.js'
import { HalError, type HalErrorDetails } from '../errors.js'
import { checkAnswer } from './answer.js'
import { detailsOf } from './execution.js'
import type { Job, Outcome } from './job.js'
import type { Signature } from './signature.js'
import type { Stats } from './stats.js'

/** Makes of the answers of an engine's drivers what its callers get. */
export class Answers {
  constructor(
    private readonly signature: Signature,
    private readonly stats: () => Stats,
    private readonly origin: HalErrorDetails,
  ) {}

  check(job: Job, answer: RunAnswer, { outputs: infos, outputShapes }: EngineDriver): Outcome {
    try {
      const { callerOutputs } = job.memory
      const ordered = this.signature.inOrder(answer, callerOutputs)
      const { outputs, bytesCopied } = checkAnswer(ordered, infos, outputShapes, callerOutputs)
      this.signature.learn(job, ordered)
      this.stats().bytesCopied += bytesCopied + answer.bytesCopied
      return { outputs }
    } catch (error) {
      return { error: HalError.from(error, detailsOf(job, this.origin)) }
    }
  }
}
