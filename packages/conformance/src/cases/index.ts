import type { Case } from '../case.js'
import { backPressure } from './back-pressure.js'
import { batch } from './batch.js'
import { batching } from './batching.js'
import { callbacks } from './callbacks.js'
import { cancellation } from './cancellation.js'
import { clone } from './clone.js'
import { dataTypes } from './data-types.js'
import { devices } from './devices.js'
import { errors } from './errors.js'
import { fairness } from './fairness.js'
import { jobs } from './jobs.js'
import { leaks } from './leaks.js'
import { lifecycle } from './lifecycle.js'
import { memory } from './memory.js'
import { observation } from './observation.js'
import { options } from './options.js'
import { run } from './run.js'
import { scheduling } from './scheduling.js'
import { shapes } from './shapes.js'
import { share } from './share.js'
import { spread } from './spread.js'
import { stream } from './stream.js'
import { timeouts } from './timeouts.js'
import { warmUp } from './warm-up.js'

/** Every case of the suite. */
export const cases: readonly Case[] = [
  ...devices,
  ...lifecycle,
  ...options,
  ...warmUp,
  ...run,
  ...jobs,
  ...dataTypes,
  ...shapes,
  ...backPressure,
  ...cancellation,
  ...timeouts,
  ...callbacks,
  ...batch,
  ...stream,
  ...observation,
  ...errors,
  ...memory,
  ...scheduling,
  ...share,
  ...fairness,
  ...spread,
  ...batching,
  ...clone,
  ...leaks,
]
