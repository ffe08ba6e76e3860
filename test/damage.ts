import fc from 'fast-check'

/** A file that was cut off, changed, stretched or mixed up on its way, or that never was one of its kind. */
export function damaged(file: Uint8Array): fc.Arbitrary<Uint8Array> {
  // Everywhere as likely as at its beginning.
  const place = fc.noBias(fc.nat(file.length - 1))
  return fc.oneof(
    place.map((length) => file.subarray(0, length)),
    fc.array(fc.tuple(place, fc.nat(255)), { minLength: 1, maxLength: 5 }).map((flips) => {
      const bytes = Uint8Array.from(file)
      for (const [at, byte] of flips) bytes[at] = byte
      return bytes
    }),
    // A length of up to 2^70 in the middle of it.
    place.map((at) => Buffer.concat([file.subarray(0, at), Buffer.alloc(9, 0xff), file.subarray(at)])),
    fc.tuple(place, place).map(([a, b]) => Buffer.concat([file.subarray(0, a), file.subarray(b)])),
    fc.uint8Array({ maxLength: 300 }),
    fc.constantFrom('\x7fELF', 'PK\x03\x04', '{"a":1}', '\x89PNG\r\n').map((text) => Buffer.from(text)),
  )
}
