export { host, type HostOptions } from './host.js'
export type { LoadedModel, Runner, RunnerAnswer, RunnerCall, RunnerModule, WorkerInfo } from './runner.js'
