import { arithmetic } from './arithmetic.js'
import { identities } from './identity.js'
import type { ConformanceModel, ModelName } from './model.js'

/** All models of the suite. */
export const models: readonly ConformanceModel[] = [...identities, ...arithmetic]

const byName = new Map(models.map((entry) => [entry.name, entry]))

export function model(name: ModelName): ConformanceModel {
  const found = byName.get(name)
  if (found === undefined) throw new TypeError(`the suite has no model ${name}`)
  return found
}
