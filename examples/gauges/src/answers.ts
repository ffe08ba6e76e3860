import type { Predictor, Reading } from './predictor.js'

/** What came of a picture, which is given by its position. */
export type Answer = { readonly picture: number } & (
  | { readonly reading: Reading }
  | { readonly error: string }
)

/** Reads one of the pictures. Does not throw: what goes wrong with one picture is its own answer. */
export async function answer(
  predictor: Predictor,
  pictures: readonly string[],
  picture: number,
): Promise<Answer> {
  try {
    return { picture, reading: await predictor.predict(pictures[picture] as string) }
  } catch (error) {
    return { picture, error: error instanceof Error ? error.message : String(error) }
  }
}

/** More than rounding makes of a score. */
const TOLERANCE = 1e-4

/** Whether both lists say the same of every picture, in words and up to rounding. */
export function compare(
  some: readonly Answer[],
  others: readonly Answer[],
): { readonly same: boolean; readonly text: string } {
  const rest = new Map(others.map((answer) => [answer.picture, answer]))
  let furthest = 0
  for (const answer of some) {
    const distance = distanceOf(answer, rest.get(answer.picture))
    rest.delete(answer.picture)
    if (distance > TOLERANCE) return { same: false, text: `Picture ${answer.picture} is read differently.` }
    furthest = Math.max(furthest, distance)
  }
  if (rest.size > 0) return { same: false, text: `${rest.size} pictures are missing.` }
  if (furthest === 0) return { same: true, text: 'The results are the same, to the bit.' }
  return {
    same: true,
    text: `The results are the same; scores differ by up to ${furthest.toExponential(0)}.`,
  }
}

function distanceOf(answer: Answer, other: Answer | undefined): number {
  if (other === undefined) return Number.POSITIVE_INFINITY
  if ('error' in answer || 'error' in other) {
    return 'error' in answer && 'error' in other && answer.error === other.error
      ? 0
      : Number.POSITIVE_INFINITY
  }
  const { scores } = other.reading
  return Math.max(...answer.reading.scores.map((score, i) => Math.abs(score - (scores[i] ?? Number.NaN))))
}

/** How many pictures show what, and which could not be read. */
export function summary(answers: readonly Answer[], pictures: readonly string[]): string {
  const counts = new Map<string, number>()
  const failures = new Set<string>()
  for (const answer of answers) {
    if ('error' in answer) failures.add(`${pictures[answer.picture]}: ${answer.error}`)
    else counts.set(answer.reading.label, (counts.get(answer.reading.label) ?? 0) + 1)
  }
  const read = [...counts].sort().map(([label, count]) => `${count} × ${label}`)
  return [`Read: ${read.join(', ') || 'nothing'}`, ...failures].join('\n')
}
