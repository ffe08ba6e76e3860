import { availableParallelism } from 'node:os'
import type { Option, OptionValues } from '@xpu-hal/core/backend'
import type { ExecutionMode, GraphOptimizationLevel, SessionSettings } from './native/session.js'

/** The options of this backend, beside those every engine has. */
export const ortOptions: readonly Option[] = [
  {
    name: 'graphOptimizationLevel',
    type: 'enum',
    values: ['disabled', 'basic', 'extended', 'layout', 'all'],
    default: 'all',
    description: 'How much ONNX Runtime rewrites the graph when it loads the model.',
  },
  {
    name: 'executionMode',
    type: 'enum',
    values: ['sequential', 'parallel'],
    default: 'sequential',
    description: 'Whether operators of one run that do not depend on each other execute at the same time.',
  },
  {
    name: 'executionProvider',
    type: 'string',
    default: 'cpu',
    description:
      "Name of the execution provider that runs the model, 'cuda' for example; the CPU takes the rest.",
  },
  {
    name: 'executionProviderOptions',
    type: 'record',
    default: {},
    description: 'Settings of the execution provider, by the names it gives them.',
  },
  {
    name: 'sessionConfig',
    type: 'record',
    default: {},
    description: 'Session configuration entries of ONNX Runtime; they win over those this backend sets.',
  },
  {
    name: 'mapWeights',
    type: 'boolean',
    default: false,
    description:
      "With isolation 'process': write the weights once to a file that all worker processes map, instead of a copy in each; runs may take longer.",
  },
  {
    name: 'profiling',
    type: 'string',
    description: 'Prefix of the file to which ONNX Runtime writes a profile when the engine closes.',
  },
]

/**
 * How many workers run the session, and on how many threads each computes. Missing `threadsPerWorker` is 1: several
 * runs at once use the cores better than several threads in one run. Missing `workers` fills the cores, or is 1 where
 * runs have the calling thread alone. Only who gives both can exceed the cores with their product.
 */
export function resolveThreads(
  options: OptionValues,
  cores: number = availableParallelism(),
): Pick<SessionSettings, 'workers' | 'threadsPerWorker'> {
  const threadsPerWorker = (options.threadsPerWorker as number | undefined) ?? 1
  const fitting = options.isolation === 'inline' ? 1 : Math.max(1, Math.floor(cores / threadsPerWorker))
  return { workers: (options.workers as number | undefined) ?? fitting, threadsPerWorker }
}

/** The settings of a session. `options` are checked by core: every value has the type that its option declares. */
export function sessionSettings(options: OptionValues): SessionSettings {
  return {
    ...resolveThreads(options),
    graphOptimizationLevel: options.graphOptimizationLevel as GraphOptimizationLevel,
    executionMode: options.executionMode as ExecutionMode,
    executionProvider: options.executionProvider as string,
    executionProviderOptions: options.executionProviderOptions as Record<string, string>,
    cpuFallback: options.useOrt !== false,
    profiling: options.profiling as string | undefined,
    sessionConfig: options.sessionConfig as Record<string, string>,
  }
}
