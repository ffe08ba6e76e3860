import { isMainThread } from 'node:worker_threads'
import { Word } from '../worker/control.js'

/** Milliseconds that workers get to come back from a native call when the process exits. */
const PATIENCE_MS = 500
const LOOK_EVERY_MS = 5

/** Ends the process without waiting for any thread, as `_exit` of the C library does. */
export type ExitProcess = (code: number) => void

const controls = new Set<Int32Array>()
const bed = new Int32Array(new SharedArrayBuffer(4))
let exitProcess: ExitProcess | undefined

/** What ends the process where a thread never comes back from its native call: Node would wait for it for ever. */
export function exitWith(exit: ExitProcess | undefined): void {
  exitProcess ??= exit
}

/** Watches over a worker until the returned function is called. */
export function watchExit(control: Int32Array): () => void {
  if (controls.size === 0 && isMainThread) process.on('exit', onExit)
  controls.add(control)
  return () => {
    controls.delete(control)
    if (controls.size === 0) process.off('exit', onExit)
  }
}

function onExit(code: number): void {
  for (let waited = 0; waited < PATIENCE_MS; waited += LOOK_EVERY_MS) {
    if (![...controls].some(isBusy)) return
    Atomics.wait(bed, 0, 0, LOOK_EVERY_MS)
  }
  if (exitProcess === undefined) return
  const listeners = process.listeners('exit')
  for (const listener of listeners.slice(listeners.indexOf(onExit) + 1)) {
    try {
      listener.call(process, code)
    } catch (error) {
      console.error(error)
    }
  }
  exitProcess(Number(process.exitCode ?? code))
}

function isBusy(control: Int32Array): boolean {
  return Atomics.load(control, Word.busy) === 1
}
