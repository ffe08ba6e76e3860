import { bind, symbolOf } from './calls.js'
import { program } from './libc.js'

const address = symbolOf(program, '_exit')

/** Ends the process at once: no thread is waited for, and nothing of the C library or of Node is called any more. */
export function exitProcess(code: number): void {
  if (address !== undefined) bind<void>(address, 'void', 'int')(code)
}
