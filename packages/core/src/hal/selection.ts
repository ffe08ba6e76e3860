import type { EngineOptions } from '../common-options.js'
import type { DeviceChoice } from '../engine.js'
import { HalError, type HalErrorCode } from '../errors.js'
import type { AbsentBackend } from './inventory.js'
import type { OpenDevice } from './open-device.js'

export type Fallback = 'error' | 'warn' | 'allow'

/** An entry of the list to try: a device, or something asked for that is not there. */
export type Candidate = OpenDevice | { readonly absent: string; readonly error: HalError }

/** What was opened where, and the choices made, for the record. */
export interface Selected<T> {
  readonly taken: readonly { readonly on: OpenDevice; readonly opened: T }[]
  readonly choices: readonly DeviceChoice[]
}

/** Whether `devices` names them by their positions in the list of all, as DX-RT does. */
export function arePositions(given: EngineOptions['devices']): given is readonly number[] {
  return Array.isArray(given) && given.length > 0 && given.every(Number.isSafeInteger)
}

/** The ids of the devices at these positions. @throws HalError HAL_NOT_FOUND */
export function deviceIds(positions: readonly number[], devices: readonly OpenDevice[]): string[] {
  return positions.map((position) => {
    const found = devices[position]
    if (found !== undefined) return found.device.id
    const known = devices.map(({ device }, i) => `${i} ('${device.id}')`).join(', ') || 'none'
    throw new HalError('HAL_NOT_FOUND', `there is no device ${position}; there are: ${known}`)
  })
}

/** What is to be tried for a model, in order. */
export function candidates(
  policy: 'auto' | readonly string[],
  devices: readonly OpenDevice[],
  absent: readonly AbsentBackend[],
): Candidate[] {
  const missing = absent.map(({ name, error }) => ({ absent: `backend '${name}'`, error }))
  if (policy === 'auto') {
    const rank = { npu: 0, gpu: 1, cpu: 2 }
    return [...missing, ...[...devices].sort((a, b) => rank[a.device.kind] - rank[b.device.kind])]
  }
  return [...new Set(policy.flatMap((entry): Candidate[] => named(entry, devices, absent)))]
}

function named(entry: string, devices: readonly OpenDevice[], absent: readonly AbsentBackend[]): Candidate[] {
  const found = devices.filter(({ device }) => device.id === entry || device.backend === entry)
  if (found.length > 0) return found
  const backend = absent.find(({ name }) => name === entry || entry.startsWith(`${name}:`))
  const known = devices.map(({ device }) => `'${device.id}'`).join(', ') || 'none'
  const error =
    backend?.error ?? new HalError('HAL_NOT_FOUND', `there is no device '${entry}'; there are: ${known}`)
  return [{ absent: `device '${entry}'`, error }]
}

/**
 * Tries the candidates in order until one opens. Gives it with the choices made, for the record.
 * @throws HalError the only reason when there is one, else all of them.
 */
export async function select<T>(
  list: readonly Candidate[],
  fallback: Fallback,
  open: (device: OpenDevice) => Promise<T>,
  warn: (message: string) => void,
): Promise<Selected<T>> {
  const choices: DeviceChoice[] = []
  const errors: HalError[] = []
  const refuse = (device: string, error: HalError) => {
    choices.push({ device, taken: false, reason: error.message })
    errors.push(error)
  }
  for (const candidate of list) {
    if ('absent' in candidate) {
      refuse(candidate.absent, candidate.error)
      continue
    }
    const { id, kind } = candidate.device
    const isFallback = kind === 'cpu' && errors.length > 0
    if (isFallback && fallback === 'error') {
      refuse(id, noFallback(id, choices))
      continue
    }
    try {
      const opened = await open(candidate)
      if (isFallback && fallback === 'warn') warn(`running on ${id} instead: ${listed(choices)}`)
      const reason = isFallback
        ? 'the CPU, because no device before it could be had'
        : 'first in order that opened the model'
      choices.push({ device: id, taken: true, reason })
      const rest = list.slice(list.indexOf(candidate) + 1)
      for (const other of rest) {
        if (!('absent' in other))
          choices.push({ device: other.device.id, taken: false, reason: 'not needed' })
      }
      return { taken: [{ on: candidate, opened }], choices }
    } catch (error) {
      refuse(id, HalError.from(error, { device: id }))
    }
  }
  throw nothing(errors, choices)
}

/** The candidates that {@link selectAll} opens on. */
export function atOnce(policy: 'auto' | readonly string[], list: readonly Candidate[]): readonly Candidate[] {
  return policy === 'auto' ? list.filter((entry) => 'device' in entry && !isCpu(entry)) : list
}

/**
 * Opens on every candidate. Those that were named have to open, all of them; of `auto`, the accelerators that do, and where
 * there is none of them, what {@link select} takes.
 */
export async function selectAll<T>(
  list: readonly Candidate[],
  policy: 'auto' | readonly string[],
  fallback: Fallback,
  open: (device: OpenDevice, opened: readonly T[]) => Promise<T>,
  undo: (opened: T) => Promise<void>,
  warn: (message: string) => void,
): Promise<Selected<T>> {
  const taken: { readonly on: OpenDevice; readonly opened: T }[] = []
  const refused: DeviceChoice[] = []
  for (const candidate of atOnce(policy, list)) {
    try {
      if ('absent' in candidate) throw candidate.error
      const opened = await open(
        candidate,
        taken.map(({ opened }) => opened),
      )
      taken.push({ on: candidate, opened })
    } catch (cause) {
      const device = 'absent' in candidate ? candidate.absent : candidate.device.id
      const error = HalError.from(cause, 'absent' in candidate ? {} : { device })
      refused.push({ device, taken: false, reason: error.message })
      if (policy === 'auto') continue
      await Promise.allSettled(taken.map(({ opened }) => undo(opened)))
      throw error
    }
  }
  if (taken.length === 0) return select(list, fallback, (device) => open(device, []), warn)
  const reason = 'one of several at once'
  return {
    taken,
    choices: [...taken.map(({ on }) => ({ device: on.device.id, taken: true, reason })), ...refused],
  }
}

function isCpu(candidate: Candidate): boolean {
  return 'device' in candidate && candidate.device.kind === 'cpu'
}

function noFallback(cpu: string, choices: readonly DeviceChoice[]): HalError {
  return new HalError(
    'HAL_UNAVAILABLE',
    `the CPU is not taken without your word (${listed(choices)}): name it in devices: ['${cpu}'], or pass fallback: 'warn' or 'allow'`,
  )
}

function nothing(errors: readonly HalError[], choices: readonly DeviceChoice[]): HalError {
  const [first, ...others] = errors
  if (first === undefined)
    return new HalError('HAL_UNAVAILABLE', 'there is no device: no backend was given or none found any')
  if (others.length === 0) return first
  const same = others.every(({ code }) => code === first.code)
  const code: HalErrorCode = same ? first.code : 'HAL_UNAVAILABLE'
  return new HalError(code, `no device takes the model: ${listed(choices)}`, { cause: first })
}

function listed(choices: readonly DeviceChoice[]): string {
  return choices.map(({ device, reason }) => `${device}: ${reason}`).join('; ')
}
