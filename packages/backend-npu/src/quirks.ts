import { HalError, shown, suggest } from '@xpu-hal/core/backend'

/**
 * How `receive_output` behaves while no answer is there.
 *
 * - `waits`: it returns as soon as one comes, so it is asked at once.
 * - `polls`: it fails at once, so it is asked shortly before the answer is due, then again and again.
 * - `sleeps`: it sleeps and then fails, also where the answer comes meanwhile, so it is asked when the answer is there.
 * - `blocks`: as `waits`, but it returns only with an answer, or when another thread destroys the runtime.
 */
export type Receiving = 'waits' | 'polls' | 'sleeps' | 'blocks'

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
  /**
   * How many inferences an instance is given before the first was received, from 1. More than 1 says that the runtime gives
   * one answer for every input that it took, in their order, for failed inferences too: otherwise one run would get the
   * answer of another. The older form of the interface takes one.
   */
  readonly inFlight: number
}

/** What is known of a published runtime. */
export interface Quirk extends Partial<Quirks> {
  /** Of the whole `runtime_name`. */
  readonly name: RegExp
  /** `runtime_version` is older than this. Missing: any version. */
  readonly before?: string
  readonly reason: string
}

const MAX_IN_FLIGHT = 256

/** The names and versions are those that the published sources return. All rows that fit count, the last one most. */
const table: readonly Quirk[] = [
  {
    name: /^XPU HAL reference runtime$/,
    nothingYet: 'no output within',
    inFlight: 4,
    reason: 'answers in order; a failed inference is answered by a receive_output that fails and says why',
  },
  {
    name: /^OAAX CPU Runtime$/,
    receiving: 'sleeps',
    inFlight: 4,
    reason:
      'sleeps 100 ms when it is asked too early (since 1.1.2); one thread, which no failed inference outlives',
  },
  {
    name: /^OAAX Intel Runtime$/,
    receiving: 'sleeps',
    reason: 'sleeps 100 ms when it is asked too early, as the CPU reference does',
  },
  {
    name: /^OAAX Intel Runtime \(OpenVINO Native\)$/,
    receiving: 'polls',
    reason: 'fails at once when it is asked too early',
  },
  {
    name: /^CPU Runtime$/,
    before: '1.1',
    receiving: 'waits',
    reason: 'the CPU reference before 1.1.2: wakes up as the answer comes, gives up after 200 ms',
  },
  {
    // NVIDIA, Hailo, Qualcomm and the first CPU reference: a name so common that only the published version is meant.
    name: /^OnnxRuntime$/,
    before: '1',
    receiving: 'waits',
    reason: 'wakes up as the answer comes, gives up after 200 ms; a failed inference never answers',
  },
  {
    name: /^DEEPX$/,
    receiving: 'blocks',
    freesRefused: true,
    reason: 'waits for the answer without end; one failure path of send_input frees the input',
  },
  {
    name: /^DEEPX$/,
    before: '1.0.1',
    receiving: 'waits',
    freesRefused: false,
    reason:
      'the first version gives up on an answer after 200 ms, and leaves alone the input that it refuses',
  },
]

/** What is known of the runtime of that name and version. */
export function known(name: string, version: string): readonly Quirk[] {
  return table.filter(
    (row) => row.name.test(name) && (row.before === undefined || older(version, row.before)),
  )
}

/** What holds for the runtime of that name and version, `overrides` first. The specification itself is the default. */
export function quirksOf(name: string, version: string, overrides: Partial<Quirks> = {}): Quirks {
  const specified: Quirks = { receiving: 'waits', freesRefused: false, nothingYet: '', inFlight: 1 }
  const rows = [...known(name, version), given(overrides)]
  const { receiving, freesRefused, nothingYet, inFlight } = Object.assign(specified, ...rows) as Quirks
  return { receiving, freesRefused, nothingYet, inFlight }
}

/** Part by part, as numbers: 1.10 is not older than 1.9. */
function older(version: string, than: string): boolean {
  return version.localeCompare(than, 'en', { numeric: true }) < 0
}

/** Without what is set to `undefined`, which says nothing. */
function given(overrides: Partial<Quirks>): Partial<Quirks> {
  return Object.fromEntries(Object.entries(overrides).filter(([, value]) => value !== undefined))
}

const allowed: Readonly<Record<keyof Quirks, { readonly what: string; fits(value: unknown): boolean }>> = {
  receiving: {
    what: "'waits', 'polls', 'sleeps' or 'blocks'",
    fits: (value) => ['waits', 'polls', 'sleeps', 'blocks'].includes(value as string),
  },
  freesRefused: { what: 'true or false', fits: (value) => typeof value === 'boolean' },
  nothingYet: { what: 'a string', fits: (value) => typeof value === 'string' },
  inFlight: {
    what: `a whole number from 1 to ${MAX_IN_FLIGHT}`,
    fits: (value) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MAX_IN_FLIGHT,
  },
}

/** @throws HalError HAL_INVALID_ARGUMENT naming the quirk that does not exist or cannot be so */
export function checkQuirks(quirks: Partial<Quirks> = {}): void {
  if (typeof quirks !== 'object' || quirks === null) {
    throw new HalError('HAL_INVALID_ARGUMENT', `npu: quirks is ${shown(quirks)}; it is an object of quirks`)
  }
  for (const [key, value] of Object.entries(quirks)) {
    if (!Object.hasOwn(allowed, key)) {
      throw new HalError(
        'HAL_INVALID_ARGUMENT',
        `npu: there is no quirk '${key}'; ${suggest(key, Object.keys(allowed))}`,
      )
    }
    const { what, fits } = allowed[key as keyof Quirks]
    if (value === undefined || fits(value)) continue
    throw new HalError('HAL_INVALID_ARGUMENT', `npu: the quirk ${key} is ${shown(value)}; it is ${what}`)
  }
}
