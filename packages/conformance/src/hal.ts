import type { Device, Engine, ModelSource, OptionValue } from '@xpu-hal/core'

export type EngineOptions = Readonly<Record<string, OptionValue | undefined>>

export interface Hal {
  devices(): Promise<readonly Device[]>
  openEngine(source: ModelSource, options?: EngineOptions): Promise<Engine>
  close(): Promise<void>
}
