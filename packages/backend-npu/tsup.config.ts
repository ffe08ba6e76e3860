import { library } from '../../scripts/tsup.ts'

export default library({ index: 'src/index.ts', runner: 'src/runner.ts' })
