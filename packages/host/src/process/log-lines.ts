import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

/** Characters of a line, at most: a longer one is cut into several. */
const MAX_LINE = 8192

/** Calls `log` for every line that comes, without its end; empty ones are left out. */
export function logLines(from: Readable, log: (line: string) => void): void {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  from.on('data', (bytes: Buffer) => {
    const lines = (rest + decoder.write(bytes)).split(/\r?\n/)
    rest = lines.pop() ?? ''
    for (const line of lines) logLine(line, log)
    for (; rest.length > MAX_LINE; rest = rest.slice(MAX_LINE)) log(rest.slice(0, MAX_LINE))
  })
  from.on('end', () => logLine(rest + decoder.end(), log))
  // It ends with the child.
  from.on('error', () => {})
}

function logLine(line: string, log: (line: string) => void): void {
  for (let at = 0; at < line.length; at += MAX_LINE) log(line.slice(at, at + MAX_LINE))
}
