import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

const HEADER_BYTES = 64
const CLASS_64 = 2
const LITTLE_ENDIAN = 1
const SHARED = 3
const SEGMENT_BYTES = 56
const Segment = { load: 1, dynamic: 2 } as const
const Tag = { needed: 1, strings: 5, rpath: 15, runpath: 29 } as const
/** Far above what any library has; beyond, the file is damaged. */
const MAX_BYTES = 2 ** 26

/** `e_machine` of the ELF specification, by `process.arch`. */
const machines: Readonly<Record<string, number>> = {
  x64: 62,
  arm64: 183,
  arm: 40,
  ia32: 3,
  riscv64: 243,
  ppc64: 21,
  s390x: 22,
  loong64: 258,
}

/** Beginnings of files that get mistaken for libraries. */
const others: readonly (readonly [magic: RegExp, kind: string])[] = [
  [/^!<arch>/, 'a static library'],
  [/^MZ/, 'a library or program for Windows'],
  [/^(\xcf\xfa\xed\xfe|\xca\xfe\xba\xbe)/, 'a library or program for macOS'],
  [/^version https:\/\/git-lfs/, 'a placeholder of Git LFS for the real file'],
  [/\b(GROUP|INPUT)\s*\(/, 'a linker script, which names the real library'],
]

/** What the dynamic linker reads of a library. */
export interface Elf {
  /** Names of the libraries that it needs. */
  readonly needed: readonly string[]
  /** Folders to look for them in, with `$ORIGIN` for its own. */
  readonly rpath: readonly string[]
  readonly runpath: readonly string[]
}

/**
 * Reads the parts of a library that tell whether and how it loads on this machine. Only for Linux on 64 bits.
 * @throws Error saying what is wrong with the file: the dynamic linker's own words are poor, and a file that is cut short
 * it maps all the same, which ends the process.
 */
export function readElf(path: string): Elf {
  const file = openSync(path, 'r')
  try {
    const size = fstatSync(file).size
    const at = (offset: number, length: number) => {
      if (offset + length > size) throw new Error(`it is cut short or damaged: it has ${size} bytes`)
      if (length > MAX_BYTES) throw new Error('it is damaged')
      const bytes = Buffer.alloc(length)
      readSync(file, bytes, 0, length, offset)
      return bytes
    }
    checkMagic(at(0, Math.min(size, 512)))
    const header = at(0, HEADER_BYTES)
    checkMachine(header)
    return readDynamic(segmentsOf(header, at), size, at)
  } finally {
    closeSync(file)
  }
}

type ReadAt = (offset: number, length: number) => Buffer

interface SegmentHeader {
  readonly type: number
  readonly offset: number
  readonly address: number
  readonly bytes: number
}

function checkMagic(start: Buffer): void {
  if (start.length === 0) throw new Error('it is empty')
  const text = start.toString('latin1')
  if (text.startsWith('\x7fELF')) return
  const kind = others.find(([magic]) => magic.test(text))?.[1]
  throw new Error(kind === undefined ? 'it is no shared library, for it is no ELF file' : `it is ${kind}`)
}

function checkMachine(header: Buffer): void {
  const bits = header[4] === CLASS_64 ? 64 : 32
  const little = header[5] === LITTLE_ENDIAN
  const machine = little ? header.readUInt16LE(18) : header.readUInt16BE(18)
  const expected = machines[process.arch]
  if (expected !== undefined && (machine !== expected || bits !== 64)) {
    const built = Object.keys(machines).find((arch) => machines[arch] === machine) ?? `ELF machine ${machine}`
    throw new Error(`it is built for ${built} (${bits} bits), and this process is ${process.arch} (64 bits)`)
  }
  if (header.readUInt16LE(16) !== SHARED)
    throw new Error('it is no shared library, but another kind of ELF file')
}

function segmentsOf(header: Buffer, at: ReadAt): SegmentHeader[] {
  const [offset, entry, count] = [number(header, 32), header.readUInt16LE(54), header.readUInt16LE(56)]
  if (entry < SEGMENT_BYTES) throw new Error('it is damaged')
  const table = at(offset, entry * count)
  return Array.from({ length: count }, (_, i) => {
    const row = table.subarray(i * entry)
    return {
      type: row.readUInt32LE(0),
      offset: number(row, 8),
      address: number(row, 16),
      bytes: number(row, 32),
    }
  })
}

function readDynamic(segments: readonly SegmentHeader[], size: number, at: ReadAt): Elf {
  for (const { type, offset, bytes } of segments) {
    if (type === Segment.load && offset + bytes > size) {
      throw new Error(`it is cut short: it has ${size} bytes of at least ${offset + bytes}`)
    }
  }
  const dynamic = segments.find(({ type }) => type === Segment.dynamic)
  if (dynamic === undefined) throw new Error('it is no shared library: it has no dynamic section')
  const table = at(dynamic.offset, dynamic.bytes - (dynamic.bytes % 16))
  const valuesOf = (tag: number) => {
    const values: number[] = []
    for (let i = 0; i < table.length; i += 16) if (number(table, i) === tag) values.push(number(table, i + 8))
    return values
  }
  const [address = 0] = valuesOf(Tag.strings)
  const home = segments.find(
    (segment) =>
      segment.type === Segment.load &&
      address >= segment.address &&
      address < segment.address + segment.bytes,
  )
  if (home === undefined) throw new Error('it is damaged: its strings are nowhere')
  const strings = home.offset + address - home.address
  const texts = (tag: number) =>
    valuesOf(tag).map((offset) => {
      const start = strings + offset
      const bytes = at(start, Math.max(0, Math.min(4096, size - start)))
      return bytes.toString('utf8', 0, Math.max(0, bytes.indexOf(0)))
    })
  const folders = (tag: number) =>
    texts(tag).flatMap((path) => path.split(':').filter((folder) => folder !== ''))
  return { needed: texts(Tag.needed), rpath: folders(Tag.rpath), runpath: folders(Tag.runpath) }
}

function number(bytes: Buffer, offset: number): number {
  return Number(bytes.readBigUInt64LE(offset))
}
