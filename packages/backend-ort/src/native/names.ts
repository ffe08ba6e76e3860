import koffi from 'koffi'

/** Names as a C array of C strings, made once: runs pass it without encoding anything. */
export class Names {
  /** `char **`, valid as long as this object is held. */
  readonly pointers: BigUint64Array
  private readonly text: Uint8Array

  constructor(names: readonly string[]) {
    const encoded = names.map((name) => Buffer.from(`${name}\0`))
    this.text = new Uint8Array(new SharedArrayBuffer(encoded.reduce((sum, { length }) => sum + length, 1)))
    this.pointers = new BigUint64Array(new SharedArrayBuffer(Math.max(1, names.length) * 8))
    const base = koffi.address(this.text)
    let offset = 0
    for (const [index, bytes] of encoded.entries()) {
      this.text.set(bytes, offset)
      this.pointers[index] = base + BigInt(offset)
      offset += bytes.length
    }
  }
}
