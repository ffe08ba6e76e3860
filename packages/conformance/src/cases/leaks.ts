import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { sameOutputs } from '../assert.js'
import type { Case, CaseContext } from '../case.js'

type Census = Map<string, number>

function count(names: readonly string[]): Census {
  const census: Census = new Map()
  for (const name of names) census.set(name, (census.get(name) ?? 0) + 1)
  return census
}

function growth(before: Census, after: Census): string[] {
  return [...after].filter(([name, n]) => n > (before.get(name) ?? 0)).map(([name, n]) => `${n} ${name}`)
}

async function openRunClose({ open, sample }: CaseContext): Promise<void> {
  const engine = await open('add')
  engine.registerCallback(() => {})
  await engine.runAsync(sample('add').inputs, undefined, { timeout: 100_000 })
  sameOutputs(
    await engine.run(sample('add').inputs, { signal: new AbortController().signal }),
    sample('add').outputs,
  )
  await engine.close()
}

/**
 * What `take` counts must come back to where it was after open, run and close. The first round loads libraries, which
 * stay. The platform lets go of some handles a little later than it says, so a few readings are taken.
 */
async function comesBack(context: CaseContext, take: () => Census): Promise<void> {
  await openRunClose(context)
  const before = take()
  await openRunClose(context)
  await openRunClose(context)
  let left = growth(before, take())
  for (let i = 0; i < 100 && left.length > 0; i++) {
    await new Promise((resolve) => setTimeout(resolve, 10))
    left = growth(before, take())
  }
  assert.deepEqual(left, [], `left behind after close, counting ${[...before].length} kinds before`)
}

export const leaks: readonly Case[] = [
  {
    id: 'leaks/handles',
    title: 'after close() no timer, port, worker, pipe or process keeps the program alive',
    models: ['add'],
    run: (context) => comesBack(context, () => count(process.getActiveResourcesInfo())),
  },
  {
    id: 'leaks/file-descriptors',
    title: 'after close() no more files and no more threads are open than before',
    models: ['add'],
    requires: () => (process.platform === 'linux' ? undefined : 'read from /proc, which only Linux has'),
    run: (context) =>
      comesBack(context, () =>
        count([
          ...readdirSync('/proc/self/fd').map(() => 'file descriptors'),
          ...readdirSync('/proc/self/task').map(() => 'threads'),
        ]),
      ),
  },
]
