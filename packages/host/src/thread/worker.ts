import { getPriority, setPriority } from 'node:os'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { serve } from '../worker/serve.js'
import { ThreadLink, type WorkerSeed } from './link.js'

// The event loop of the application comes first: when runs keep all cores busy, its p99 delay is half as long. Elsewhere
// than on Linux the call would change the whole process.
if (process.platform === 'linux') setPriority(0, Math.min(getPriority(0) + 5, 19))

const { module, control } = workerData as WorkerSeed

// What the runner's module left open must not keep the thread.
serve(new ThreadLink(parentPort as MessagePort, control), module).then(() => process.exit())
