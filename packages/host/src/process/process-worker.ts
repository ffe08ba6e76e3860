import { closeSync } from 'node:fs'
import { getPriority, setPriority } from 'node:os'
import { CONTROL_BYTES } from '../worker/control.js'
import { serve } from '../worker/serve.js'
import { ChildChannel } from './child-channel.js'
import { ProcessLink } from './link.js'
import { MappedMemory } from './mapped-memory.js'
import type { ProcessSeed } from './message.js'
import { setNonBlocking } from './native/descriptor.js'
import { dieWithParent } from './native/lifetime.js'

const ARENA_FD = 3
const CHANNEL_FD = 4

dieWithParent()
// It may have died before that.
if (process.ppid !== Number(process.argv[2])) process.exit()

process.title = 'xpu-hal worker'
setPriority(0, Math.min(getPriority(0) + 5, 19))
closeInherited()
// Main reads when it has time: what a runtime prints must not stop it, and is lost beyond what fits.
setNonBlocking(1)
setNonBlocking(2)

const channel = new ChildChannel(CHANNEL_FD)
const { module, control: at, arena } = channel.read() as ProcessSeed
const memory = new MappedMemory(ARENA_FD, arena)
const control = new Int32Array(memory.view(at, CONTROL_BYTES))

serve(new ProcessLink(channel, memory, control), module).then(() => process.exit())

/** Descriptors that something in the parent has opened so that they reach its children. */
function closeInherited(): void {
  for (const fd of (process.argv[3] ?? '').split(',').filter(Boolean)) {
    try {
      closeSync(Number(fd))
    } catch {
      // It was closed in the parent meanwhile.
    }
  }
}
