/** `"did you mean X?"` for a word that is close to one of the known ones, else the list of them. */
export function suggest(word: string, known: readonly string[]): string {
  const best = closest(word, known)
  if (best !== undefined) return `did you mean '${best}'?`
  return known.length === 0 ? 'there are none' : `there are ${known.map((name) => `'${name}'`).join(', ')}`
}

/** Letters of a word beyond which none is looked for: comparing takes the product of two lengths. */
const MAX_LETTERS = 200

/** The known word that is close enough to be what was meant. */
export function closest(word: string, known: readonly string[]): string | undefined {
  if (word.length > MAX_LETTERS) return undefined
  let best: string | undefined
  let least = Math.max(2, Math.ceil(word.length / 3)) + 1
  for (const candidate of known) {
    if (candidate.length > MAX_LETTERS) continue
    const edits = distance(word.toLowerCase(), candidate.toLowerCase())
    if (edits < least) [best, least] = [candidate, edits]
  }
  return best
}

/** Edits (insert, delete, replace a letter) between two words. */
function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replace = (previous[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      row.push(Math.min(replace, (previous[j] as number) + 1, (row[j - 1] as number) + 1))
    }
    previous = row
  }
  return previous[b.length] as number
}
