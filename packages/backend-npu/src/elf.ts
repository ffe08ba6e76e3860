const MAGIC = Buffer.from('\x7fELF', 'latin1')
const CLASS_64 = 2

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

/**
 * Why a file cannot be a library of this machine, where its first bytes tell: the dynamic linker's own words are poor.
 * Only for Linux; `undefined` when nothing is wrong or nobody knows.
 */
export function elfFault(readFile: () => Uint8Array): string | undefined {
  if (process.platform !== 'linux') return undefined
  let file: Buffer
  try {
    file = Buffer.from(readFile())
  } catch {
    return undefined
  }
  if (!file.subarray(0, MAGIC.length).equals(MAGIC) || file.length < 20)
    return 'the file is no shared library'
  const bits = file[4] === CLASS_64 ? 64 : 32
  const machine = file[5] === 2 ? file.readUInt16BE(18) : file.readUInt16LE(18)
  const expected = machines[process.arch]
  if (expected === undefined || machine === expected) return undefined
  const built = Object.keys(machines).find((arch) => machines[arch] === machine) ?? `ELF machine ${machine}`
  return `it is built for ${built} (${bits} bits), and this machine is ${process.arch}`
}
