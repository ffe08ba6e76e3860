import type { EngineDriver, Isolation, Model } from '@xpu-hal/core/backend'
import type { ModelInUse } from './model-in-use.js'
import type { HostOptions } from './options.js'
import type { Arena } from './process/arena.js'
import type { Shared } from './shared.js'

/** What a driver has that one opened like it uses too. */
export interface Common {
  /** Where the runners are in this process. */
  readonly model?: ModelInUse
  /** Where they are not: the memory of tensors, and the model as each process loads it. */
  readonly processes?: { readonly arena: Shared<Arena>; readonly source: Model }
}

interface Made {
  readonly module: string
  readonly isolation: Isolation
  readonly common: Common
}

const made = new WeakMap<EngineDriver, Made>()

/** For drivers that are opened like this one. */
export function remember(
  driver: EngineDriver,
  { module: { href: module }, isolation }: HostOptions<unknown>,
  common: Common,
): void {
  made.set(driver, { module, isolation, common })
}

/** What there is to share with `options.like`; nothing where that is a driver of another kind. */
export function commonOf({ like, module, isolation }: HostOptions<unknown>): Common | undefined {
  const found = like && made.get(like)
  return found?.module === module.href && found.isolation === isolation ? found.common : undefined
}
