import { library } from '../../scripts/tsup.ts'

export default library({
  index: 'src/index.ts',
  worker: 'src/thread/worker.ts',
  'process-worker': 'src/process/process-worker.ts',
})
