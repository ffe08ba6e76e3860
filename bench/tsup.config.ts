import { program } from '../scripts/tsup.ts'

export default program({
  main: 'src/main.ts',
  'clones-child': 'src/clones-child.ts',
  'memory-child': 'src/memory-child.ts',
  'threads-worker': 'src/threads-worker.ts',
})
