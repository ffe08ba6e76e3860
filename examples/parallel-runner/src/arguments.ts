import { parseArgs } from 'node:util'

export const HELP = `Clients send tasks to one engine with several workers, then to one with a single worker.

  --workers <n>             workers of the engine, auto or 0: as many as the cores take  (auto)
  --threads-per-worker <n>  threads that compute within one run  (1 on ort)
  --clients <n>             clients that send at the same time  (5)
  --tasks <n>               tasks of each client, one after the other  (2)
  --max-waiting <n>         tasks that may wait to be accepted; one more is refused  (1000)
  --timeout <ms>            how long a task may take, waiting included; 0: for ever  (0)
  --rounds <n>              rounds for the comparison, of which the fastest count  (3)
  --model <file>            ONNX model  (one that the example makes)
  --backend <name>          ort, mock or npu  (ort)
  --fail                    lets the task go wrong that has to wait first
  --help                    this text

In brackets: what is taken when the flag is missing.`

/** More than that takes long, and much memory. */
const MANY = 10_000

const BACKENDS = ['ort', 'mock', 'npu'] as const
export type BackendName = (typeof BACKENDS)[number]

export interface Arguments {
  readonly help: boolean
  readonly workers: number | 'auto'
  readonly threadsPerWorker: number | undefined
  readonly clients: number
  readonly tasks: number
  readonly maxWaiting: number
  readonly timeout: number
  readonly rounds: number
  readonly model: string | undefined
  readonly backend: BackendName
  readonly fail: boolean
}

/** @throws Error saying which argument is wrong. What is an option of the engine, the engine checks. */
export function readArguments(args: readonly string[]): Arguments {
  const values = parse(args)
  const backend = BACKENDS.find((name) => name === values.backend)
  if (backend === undefined) {
    throw new Error(`there is no backend '${values.backend}': take ${BACKENDS.join(', ')}`)
  }
  const threads = values['threads-per-worker']
  return {
    help: values.help,
    workers: ['auto', '0'].includes(values.workers) ? 'auto' : whole('workers', values.workers),
    threadsPerWorker: threads === undefined ? undefined : whole('threads-per-worker', threads),
    clients: whole('clients', values.clients, 1, MANY),
    tasks: whole('tasks', values.tasks, 1, MANY),
    maxWaiting: whole('max-waiting', values['max-waiting']),
    timeout: whole('timeout', values.timeout, 0),
    rounds: whole('rounds', values.rounds, 1, MANY),
    model: values.model,
    backend,
    fail: values.fail,
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        workers: { type: 'string', default: 'auto' },
        'threads-per-worker': { type: 'string' },
        clients: { type: 'string', default: '5' },
        tasks: { type: 'string', default: '2' },
        'max-waiting': { type: 'string', default: '1000' },
        timeout: { type: 'string', default: '0' },
        rounds: { type: 'string', default: '3' },
        model: { type: 'string' },
        backend: { type: 'string', default: 'ort' },
        fail: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values
  } catch (cause) {
    // Only its first sentence is about the arguments.
    const [what = ''] = (cause as Error).message.split(/\. |\n/)
    throw new Error(`${what.replace(/\.$/, '')}; --help lists the flags`, { cause })
  }
}

function whole(
  flag: string,
  text: string,
  least = Number.NEGATIVE_INFINITY,
  most = Number.POSITIVE_INFINITY,
) {
  if (!/^-?\d+$/.test(text)) throw new Error(`--${flag} takes a whole number, not '${text}'`)
  const number = Number(text)
  if (number < least) throw new Error(`--${flag} is at least ${least}, not ${text}`)
  if (number > most) throw new Error(`--${flag} is at most ${most}, not ${text}`)
  return number
}
