import type { Engine } from '@xpu-hal/core'

/**
 * The same engine, whose promises may be left alone: a case that fails half way leaves some behind, and their rejection
 * is not news but would be reported as an unhandled one of another case.
 */
export function quiet(engine: Engine): Engine {
  const proxy: Engine = new Proxy(engine, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target)
      if (typeof member !== 'function') return member
      return (...args: unknown[]) => {
        const result: unknown = member.apply(target, args)
        if (result instanceof Promise) result.catch(() => {})
        return result === target ? proxy : result
      }
    },
  })
  return proxy
}
