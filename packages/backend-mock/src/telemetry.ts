import type { DeviceStatus } from '@xpu-hal/core/backend'
import { type Board, clock } from './board.js'

const IDLE_CELSIUS = 40
const BUSY_CELSIUS = 85
/** After this time a device has come 63 % of the way to the temperature of its load. */
const TIME_CONSTANT_NS = 10e9

/** What sensors of the device would say. */
export class Telemetry {
  private at = clock()
  private readonly busy: bigint[]
  private temperature = IDLE_CELSIUS

  constructor(
    private readonly board: Board,
    cores: number,
  ) {
    this.busy = new Array<bigint>(cores).fill(0n)
  }

  /** The load since the previous reading. */
  read(): DeviceStatus {
    const at = clock()
    const elapsed = Number(at - this.at)
    const load = this.busy.map((before, core) => {
      const busy = this.board.busy(core, at)
      this.busy[core] = busy
      return elapsed > 0 ? Math.min(1, Math.max(0, Number(busy - before) / elapsed)) : 0
    })
    this.at = at
    const mean = load.reduce((sum, share) => sum + share, 0) / load.length
    const target = IDLE_CELSIUS + mean * (BUSY_CELSIUS - IDLE_CELSIUS)
    this.temperature = target + (this.temperature - target) * Math.exp(-elapsed / TIME_CONSTANT_NS)
    return { load, temperatureCelsius: this.temperature }
  }
}
