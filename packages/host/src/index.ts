export { host } from './host.js'
export type { HostOptions } from './options.js'
export { PrivateFolder } from './private-folder.js'
export type {
  AnyRunner,
  LoadedModel,
  PipelinedRunner,
  Runner,
  RunnerAnswer,
  RunnerCall,
  RunnerModule,
  WorkerInfo,
} from './runner.js'
export { endIdleWorkers } from './thread/pool.js'
