export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** Takes what the HAL and the vendors' runtimes have to say. Without one nothing is printed. */
export type Logger = (level: LogLevel, message: string, details?: Readonly<Record<string, unknown>>) => void

export const silent: Logger = () => {}
