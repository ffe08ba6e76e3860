import { program } from '../scripts/tsup.ts'

export default program({
  main: 'src/main.ts',
  'memory-child': 'src/memory-child.ts',
  'threads-worker': 'src/threads-worker.ts',
})
