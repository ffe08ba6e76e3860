import { createHal, type Engine, type LogLevel, type OpenProgress } from '@xpu-hal/core'
import { type Arguments, HELP, readArguments } from './arguments.js'
import { type Chosen, chooseBackend } from './backends.js'
import { runClients, type Session, type Task } from './clients.js'
import { failing, victim } from './fault.js'
import { sampleInputs } from './inputs.js'
import { pictureScorer } from './model.js'
import { compare, describeTask, summary } from './report.js'
import { runnerOptions } from './runner-config.js'

const SAMPLES = 64

try {
  const flags = readArguments(process.argv.slice(2))
  if (flags.help) console.log(HELP)
  else await main(flags)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

async function main(flags: Arguments): Promise<void> {
  const chosen = chooseBackend(flags)
  await using hal = createHal({ backends: [chosen.backend], logger })
  await using engine = await hal.openEngine(modelFor(flags), runnerOptions(flags), { onProgress })

  const first = await serve(engine, flags, flags.fail ? chosen : undefined, (task) =>
    console.log(describeTask(task)),
  )
  console.log(summary(first))
  const failed = first.tasks.filter(({ outcome }) => 'error' in outcome).length
  // Who asked for a failure gets no error for it, but for any other.
  if (failed !== (flags.fail ? 1 : 0)) process.exitCode = 1
  if (failed > 0 || first.workers === 1) return

  // In turn, so that what else goes on in the machine is as likely to hit the one as the other.
  const sessions = { one: [] as Session[], several: [first] }
  await using one = await engine.clone({ workers: 1 })
  for (let round = 1; round <= flags.rounds; round++) {
    if (round > 1) sessions.several.push(await serve(engine, flags))
    sessions.one.push(await serve(one, flags))
  }
  console.log(`\n${compare(fastest(sessions.one), fastest(sessions.several), flags.rounds)}`)
}

function logger(level: LogLevel, message: string): void {
  if (level === 'warn' || level === 'error') console.warn(`${level}: ${message}`)
}

function onProgress({ phase, device, done, total }: OpenProgress): void {
  console.log(`${phase} on ${device}: ${done} of ${total}`)
}

/** Lets the clients at an engine. `faults`: one of their tasks is to fail. */
function serve(
  engine: Engine,
  { clients, tasks, timeout }: Arguments,
  faults?: Chosen,
  onTask?: (task: Task) => void,
): Promise<Session> {
  const unlucky = victim(engine, clients)
  // Made beforehand: the time of the tasks is measured, not this. Many clients see the same ones again.
  const samples = Array.from({ length: Math.min(clients * tasks, SAMPLES) }, (_, i) =>
    sampleInputs(engine, i),
  )
  const inputsFor = (client: number, task: number) => {
    const inputs = samples[(client * tasks + task - 1) % samples.length] ?? {}
    return faults !== undefined && client === unlucky && task === 1 ? failing(faults, inputs) : inputs
  }
  return runClients(engine, { clients, tasks, timeout, inputsFor, ...(onTask && { onTask }) })
}

/** A run of the model made here takes some 30 ms of a core; the mock only pretends that, and gets a small one. */
function modelFor({ model, backend }: Arguments) {
  if (model !== undefined) return model
  const bytes = backend === 'mock' ? pictureScorer(16, 3) : pictureScorer(384, 40)
  return { name: 'picture-scorer', bytes }
}

function fastest(sessions: readonly Session[]): Session {
  return sessions.reduce((best, next) => (next.totalMs < best.totalMs ? next : best))
}
