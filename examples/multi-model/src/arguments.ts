import { parseArgs } from 'node:util'

export const HELP = `Several models in one program: one after the other, side by side, with requests in batches, and overloaded.

  --backend <name>   ort or mock  (ort)
  --clients <n>      clients that send requests of one picture at the same time  (32)
  --requests <n>     requests of each client, one after the other  (40)
  --batch <n>        rows that are executed together at the most  (32)
  --delay <ms>       how long a request may be held back for others to join it  (2)
  --help             this text

In brackets: what is taken when the flag is missing.`

/** More than that takes long, and much memory. */
const MANY = 10_000

const BACKENDS = ['ort', 'mock'] as const
export type BackendName = (typeof BACKENDS)[number]

export interface Arguments {
  readonly help: boolean
  readonly backend: BackendName
  readonly clients: number
  readonly requests: number
  readonly batch: number
  readonly delay: number
}

/** @throws Error saying which argument is wrong. */
export function readArguments(args: readonly string[]): Arguments {
  const values = parse(args)
  const backend = BACKENDS.find((name) => name === values.backend)
  if (backend === undefined) {
    throw new Error(`there is no backend '${values.backend}': take ${BACKENDS.join(' or ')}`)
  }
  return {
    help: values.help,
    backend,
    clients: whole('clients', values.clients, 1, MANY),
    requests: whole('requests', values.requests, 1, MANY),
    batch: whole('batch', values.batch, 2, MANY),
    delay: whole('delay', values.delay, 0, MANY),
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        backend: { type: 'string', default: 'ort' },
        clients: { type: 'string', default: '32' },
        requests: { type: 'string', default: '40' },
        batch: { type: 'string', default: '32' },
        delay: { type: 'string', default: '2' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values
  } catch (cause) {
    // Only its first sentence is about the arguments.
    const [what = ''] = (cause as Error).message.split(/\. |\n/)
    throw new Error(`${what.replace(/\.$/, '')}; --help lists the flags`, { cause })
  }
}

function whole(flag: string, text: string, least: number, most: number): number {
  if (!/^-?\d+$/.test(text)) throw new Error(`--${flag} takes a whole number, not '${text}'`)
  const number = Number(text)
  if (number < least) throw new Error(`--${flag} is at least ${least}, not ${text}`)
  if (number > most) throw new Error(`--${flag} is at most ${most}, not ${text}`)
  return number
}
