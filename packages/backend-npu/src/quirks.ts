/**
 * How `receive_output` behaves while no answer is there.
 *
 * - `waits`: it returns as soon as one comes, so it is asked at once.
 * - `polls`: it fails at once, so it is asked shortly before the answer is due, then again and again.
 * - `sleeps`: it sleeps and then fails, also where the answer comes meanwhile, so it is asked when the answer is there.
 */
export type Receiving = 'waits' | 'polls' | 'sleeps'

/** What a host must know of a runtime beside the specification. */
export interface Quirks {
  /** Only where to begin: what the runtime really does is seen, and counts, from the first run on. */
  readonly receiving: Receiving
  /** `send_input` may free an input that it refuses. What it refuses is then never freed here. */
  readonly freesRefused: boolean
  /**
   * How `runtime_error_message` begins when `receive_output` fails because nothing is there yet. Whatever else it says then
   * is why the inference failed. Empty: the two cannot be told apart, and a failed inference is one without an answer.
   */
  readonly nothingYet: string
}

export interface Quirk extends Partial<Quirks> {
  /** Of `runtime_name`, in lower case. */
  readonly name: RegExp
  readonly reason: string
}

const table: readonly Quirk[] = [
  {
    name: /^xpu hal reference/,
    nothingYet: 'no output within',
    reason: 'a failed inference is answered by a receive_output that fails and says why',
  },
  { name: /cpu/, receiving: 'sleeps', reason: 'sleeps 100 ms when it is asked too early' },
  { name: /deepx|dxrt/, freesRefused: true, reason: 'one failure path of send_input frees the input' },
]

/** What holds for the runtime of that name, `overrides` first. The specification itself is the default. */
export function quirksOf(name: string, overrides: Partial<Quirks> = {}): Quirks {
  const quirks: Quirks = { receiving: 'waits', freesRefused: false, nothingYet: '' }
  const known = table.filter((quirk) => quirk.name.test(name.toLowerCase()))
  const { receiving, freesRefused, nothingYet } = Object.assign({}, quirks, ...known, overrides) as Quirks
  return { receiving, freesRefused, nothingYet }
}
