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
}

export interface Quirk extends Partial<Quirks> {
  /** Of `runtime_name`, in lower case. */
  readonly name: RegExp
  readonly reason: string
}

const table: readonly Quirk[] = [
  { name: /cpu/, receiving: 'sleeps', reason: 'sleeps 100 ms when it is asked too early' },
  { name: /deepx|dxrt/, freesRefused: true, reason: 'one failure path of send_input frees the input' },
]

/** What holds for the runtime of that name, `overrides` first. The specification itself is the default. */
export function quirksOf(name: string, overrides: Partial<Quirks> = {}): Quirks {
  const quirks: Quirks = { receiving: 'waits', freesRefused: false }
  const known = table.filter((quirk) => quirk.name.test(name.toLowerCase()))
  const { receiving, freesRefused } = Object.assign({}, quirks, ...known, overrides) as Quirks
  return { receiving, freesRefused }
}
