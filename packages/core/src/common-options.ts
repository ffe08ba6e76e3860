import type { Isolation } from './device.js'
import type { Priority } from './engine.js'
import type { Option, OptionValue } from './option.js'

/** How an engine chooses cores: all, one or two of the first three, or a list of core ids. */
export type BoundOption =
  | 'NPU_ALL'
  | 'NPU_0'
  | 'NPU_1'
  | 'NPU_2'
  | 'NPU_01'
  | 'NPU_12'
  | 'NPU_02'
  | readonly string[]

/** The options that every engine has. {@link COMMON_OPTIONS} says what each does. */
export interface CommonOptions {
  readonly devices?: 'auto' | readonly string[] | readonly number[]
  readonly spread?: boolean
  readonly fallback?: 'error' | 'warn' | 'allow'
  readonly boundOption?: BoundOption
  readonly useOrt?: boolean
  readonly bufferCount?: number
  readonly maxLoad?: number
  readonly maxWaiting?: number
  readonly workers?: number | 'auto'
  readonly threadsPerWorker?: number
  readonly batching?: Batching
  readonly warmUp?: number
  readonly priority?: Priority
  readonly weight?: number
  readonly timeout?: number
  readonly ordered?: boolean
  readonly isolation?: Isolation
  readonly whenLost?: 'wait' | 'fail'
  readonly repeatable?: boolean
}

/** What `engine.clone` may change. */
export type CloneOptions = Pick<
  CommonOptions,
  | 'boundOption'
  | 'bufferCount'
  | 'maxLoad'
  | 'maxWaiting'
  | 'workers'
  | 'priority'
  | 'weight'
  | 'timeout'
  | 'ordered'
  | 'batching'
>

/** See the option `batching`. */
export type Batching = {
  /** Rows of one execution, from 2. */
  readonly maxSize: number
  /** Milliseconds that a request may be held back, while a core is free, for others to join it; default 2. */
  readonly maxDelay?: number
  /** Hold back only while that is likely to pay; default true. False: always until `maxSize` or `maxDelay`. */
  readonly adaptive?: boolean
}

/** What `openEngine` takes: the common options, and those that the device declares. */
export interface EngineOptions extends CommonOptions {
  readonly [option: string]: OptionValue | undefined
}

/** The cores that each word of `boundOption` stands for, by position. */
export const BOUND_OPTIONS: Readonly<Record<string, readonly number[] | 'all'>> = {
  NPU_ALL: 'all',
  NPU_0: [0],
  NPU_1: [1],
  NPU_2: [2],
  NPU_01: [0, 1],
  NPU_12: [1, 2],
  NPU_02: [0, 2],
}

export const COMMON_OPTIONS: readonly Option[] = [
  {
    name: 'devices',
    type: 'list',
    values: ['auto'],
    min: 0,
    default: 'auto',
    description:
      "device ids or backend names in order of preference; or positions in hal.devices(), all of them at once; or 'auto': accelerators first",
  },
  {
    name: 'spread',
    type: 'boolean',
    description:
      "the model on every one of 'devices' at once, or on the first that takes it (false, unless 'devices' are positions)",
  },
  {
    name: 'fallback',
    type: 'enum',
    values: ['error', 'warn', 'allow'],
    description:
      "when no accelerator takes the model: refuse the CPU (the default), take it with a warning (the default where 'devices' names a CPU), or take it",
  },
  {
    name: 'boundOption',
    type: 'strings',
    values: Object.keys(BOUND_OPTIONS),
    default: 'NPU_ALL',
    description: 'the cores of the device that the engine may use: a word, or a list of core ids',
  },
  {
    name: 'useOrt',
    type: 'boolean',
    default: true,
    description: 'let the CPU execute the operators that the accelerator cannot; false refuses such a model',
  },
  {
    name: 'bufferCount',
    type: 'integer',
    min: 1,
    max: 100,
    description: 'runs handed to the device at once, each with its own buffers (6, or more for many cores)',
  },
  {
    name: 'maxLoad',
    type: 'integer',
    min: 1,
    max: 100_000,
    description:
      'accepted runs that have not settled; submission waits at this number (10, or more for many cores)',
  },
  {
    name: 'maxWaiting',
    type: 'integer',
    min: 0,
    max: 1_000_000,
    default: 1024,
    description: 'submissions that may wait to be accepted; one more is refused',
  },
  {
    name: 'workers',
    type: 'integer',
    values: ['auto'],
    min: 1,
    max: 256,
    description:
      "workers of the engine ('auto': one for each core of an accelerator; on the CPU, its cores over threadsPerWorker)",
  },
  {
    name: 'threadsPerWorker',
    type: 'integer',
    min: 1,
    max: 256,
    description: 'threads that the runtime uses within one run',
  },
  {
    name: 'batching',
    type: 'settings',
    settings: [
      {
        name: 'maxSize',
        type: 'integer',
        min: 2,
        max: 65_536,
        required: true,
        description: 'rows of one execution',
      },
      {
        name: 'maxDelay',
        type: 'number',
        min: 0,
        default: 2,
        description:
          'milliseconds that a request may be held back, while a core is free, for others to join it',
      },
      {
        name: 'adaptive',
        type: 'boolean',
        default: true,
        description:
          "hold back only while that is likely to pay; false: always until 'maxSize' or 'maxDelay'",
      },
    ],
    description:
      'rows of waiting runs are joined along dimension 0 of all inputs, executed as one and taken apart again; off when missing',
  },
  {
    name: 'warmUp',
    type: 'integer',
    min: 0,
    max: 1000,
    default: 0,
    description: 'runs that every worker executes before the engine is there',
  },
  {
    name: 'priority',
    type: 'enum',
    values: ['low', 'normal', 'high'],
    default: 'normal',
    description: 'which queued runs go first; lower ones get every ninth turn at the least',
  },
  {
    name: 'weight',
    type: 'number',
    min: 0.01,
    max: 100,
    default: 1,
    description: 'share of core time against other engines of the device while both have runs waiting',
  },
  {
    name: 'timeout',
    type: 'number',
    min: 0,
    default: 0,
    description: 'milliseconds from submission to result for runs that set none themselves; 0 is no limit',
  },
  {
    name: 'ordered',
    type: 'boolean',
    default: false,
    description: 'deliver results in the order of acceptance, each when those before it are delivered',
  },
  {
    name: 'isolation',
    type: 'enum',
    values: ['thread', 'process', 'inline'],
    description: "where the backend's runner works (the first that the device lists, mostly worker threads)",
  },
  {
    name: 'whenLost',
    type: 'enum',
    values: ['wait', 'fail'],
    default: 'wait',
    description:
      "while every worker of the engine is lost and being started again: queued and new runs 'wait', or 'fail' with HAL_DEVICE_LOST",
  },
  {
    name: 'repeatable',
    type: 'boolean',
    default: false,
    description:
      'a run whose worker is lost while it executes is executed once more, for runs that do not say it themselves',
  },
]
