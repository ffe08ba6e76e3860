const bits = new DataView(new ArrayBuffer(8))

/** The number that half-precision bits stand for. */
export function fromHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >> 10) & 0x1f
  const fraction = half & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** The nearest half-precision bits, ties to even, straight from double precision so that nothing is rounded twice. */
export function toHalf(value: number): number {
  if (Number.isNaN(value)) return 0x7e00
  bits.setFloat64(0, value)
  const sign = (bits.getUint8(0) & 0x80) << 8
  const size = Math.abs(value)
  if (size >= 65520) return sign | 0x7c00
  if (size < 2 ** -14) return sign | roundToEven(size * 2 ** 24)
  bits.setFloat64(0, size)
  const exponent = (bits.getUint16(0) >> 4) - 1023
  // A fraction that rounds up to 1024 carries into the exponent by itself.
  return sign | (((exponent + 15) << 10) + roundToEven((size * 2 ** -exponent - 1) * 1024))
}

function roundToEven(value: number): number {
  const floor = Math.floor(value)
  const rest = value - floor
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor
}
