import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { endIdleWorkers } from '../dist/index.js'

export type Random = ReturnType<typeof randomFrom>

/** Mulberry32. */
export function randomFrom(seed: number) {
  let state = seed
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let bits = Math.imul(state ^ (state >>> 15), state | 1)
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61)
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (end: number) => Math.floor(next() * end)
  return {
    below,
    chance: (share: number) => next() < share,
    pick: <T>(from: readonly T[]) => from[below(from.length)] as T,
  }
}

/** What a leak would add to. */
async function footprint(runnerModule: URL) {
  await endIdleWorkers(runnerModule)
  await turn()
  const handles = process.getActiveResourcesInfo().filter((name) => name !== 'TTYWrap')
  const threads = readdirSync('/proc/self/task')
  const children = threads.flatMap(childrenOf)
  const descriptors = readdirSync('/proc/self/fd').length
  return { handles: handles.sort().join(), threads: threads.length, children, descriptors }
}

function childrenOf(thread: string): string[] {
  try {
    return readFileSync(`/proc/self/task/${thread}/children`, 'latin1').split(' ').filter(Boolean)
  } catch {
    // The thread has ended.
    return []
  }
}

/** What is left when all that is under way has had time to end, or as soon as that is what is expected. */
export async function settledFootprint(runnerModule: URL, expected?: object): Promise<object> {
  for (let looks = 0; ; looks++) {
    // No timer of this function runs meanwhile.
    const found = await footprint(runnerModule)
    if (isDeepStrictEqual(found, expected) || looks === (expected === undefined ? 20 : 200)) return found
    await delay(50)
  }
}
