import type { Engine } from '@xpu-hal/core'
import { type Answer, type Spent, table } from '@xpu-hal/example-gauges'

/** All pictures, read once. Lists are in the order of the threads. */
export interface Round {
  readonly ms: number
  readonly shares: readonly (readonly Answer[])[]
  readonly bytesCopied: readonly number[]
}

/** What each thread did. */
export function threadTable(engines: readonly Engine[], { shares, bytesCopied }: Round): string {
  const rows = engines.map((engine, i) => {
    const answers = shares[i] ?? []
    const spent = answers.flatMap((answer) => ('reading' in answer ? [answer.reading] : []))
    const mean = (stage: keyof Spent) =>
      (spent.reduce((sum, reading) => sum + reading[stage], 0) / spent.length).toFixed(1)
    return [
      String(i),
      engine.id,
      i === 0 ? 'opened' : engine.sharesWeights ? 'shared' : 'its own',
      String(answers.length),
      ...(spent.length === 0 ? ['-', '-', '-'] : [mean('preprocess'), mean('run'), mean('postprocess')]),
      String(bytesCopied[i]),
    ]
  })
  const head = [
    'thread',
    'engine',
    'weights',
    'pictures',
    'preprocess ms',
    'run ms',
    'postprocess ms',
    'bytes copied',
  ]
  return table([head, ...rows])
}
