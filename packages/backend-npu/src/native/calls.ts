import koffi, { type LibraryHandle, type TypeObject } from 'koffi'

/** A native pointer; 0n is null. */
export type Pointer = bigint

export type NativeArgument = Pointer | number | string | ArrayBufferView | null

const types = new Map<string, TypeObject>()

/** One type for all functions of a signature, because koffi never frees types. */
function typeOf(result: string, args: readonly string[]): TypeObject {
  const signature = [result, ...args].join()
  const type = types.get(signature) ?? koffi.proto(result, [...args])
  types.set(signature, type)
  return type
}

/** Address of a symbol of a library; `undefined` where it has none of that name. */
export function symbolOf(library: LibraryHandle, name: string): Pointer | undefined {
  try {
    return library.symbol(name)
  } catch {
    return undefined
  }
}

/** Makes the function at `address` callable on this thread. It must stay loaded. */
export function bind<Result>(
  address: Pointer,
  result: string,
  ...args: readonly string[]
): (...values: NativeArgument[]) => Result {
  return koffi.decode(address, typeOf(result, args))
}
