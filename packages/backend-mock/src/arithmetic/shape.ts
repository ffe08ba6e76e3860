/** Shapes and the positions of elements in row-major data. */

export function countOf(shape: readonly number[]): number {
  return shape.reduce((count, dimension) => count * dimension, 1)
}

/** How far apart the elements along each dimension lie. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length)
  let stride = 1
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride
    stride *= shape[i] as number
  }
  return strides
}

/** The shape that both broadcast to by NumPy's rules; `undefined` when there is none. */
export function broadcastShape(a: readonly number[], b: readonly number[]): number[] | undefined {
  const rank = Math.max(a.length, b.length)
  const shape: number[] = []
  for (let i = 0; i < rank; i++) {
    const x = a[a.length - rank + i] ?? 1
    const y = b[b.length - rank + i] ?? 1
    if (x !== y && x !== 1 && y !== 1) return undefined
    shape.push(x === 1 ? y : x)
  }
  return shape
}

/** Strides that read a tensor of shape `from` as if it had the wider shape `to`: 0 where it repeats. */
export function broadcastStrides(from: readonly number[], to: readonly number[]): number[] {
  const own = stridesOf(from)
  return to.map((_, i) => {
    const j = i - (to.length - from.length)
    return j < 0 || from[j] === 1 ? 0 : (own[j] as number)
  })
}

/** The position in the source for each element of a result of `shape`, read with `strides` from `offset` on. */
export function positions(shape: readonly number[], strides: readonly number[], offset = 0): Uint32Array {
  const found = new Uint32Array(countOf(shape))
  const index = new Array<number>(shape.length).fill(0)
  let position = offset
  for (let i = 0; i < found.length; i++) {
    found[i] = position
    for (let d = shape.length - 1; d >= 0; d--) {
      position += strides[d] as number
      const next = (index[d] as number) + 1
      if (next < (shape[d] as number)) {
        index[d] = next
        break
      }
      position -= (strides[d] as number) * next
      index[d] = 0
    }
  }
  return found
}

/** `axis` counted from the front; `undefined` when it is out of range. */
export function axisOf(axis: number, rank: number): number | undefined {
  const front = axis < 0 ? axis + rank : axis
  return Number.isInteger(front) && front >= 0 && front < rank ? front : undefined
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dimension, i) => dimension === b[i])
}
