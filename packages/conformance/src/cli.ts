#!/usr/bin/env node
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { createHal } from '@xpu-hal/core'
import { type CaseReport, report } from './report.js'
import type { Subject } from './subject.js'

const usage = `xpu-conformance <subject> [--json] [--only <beginning of an id>]

<subject> is the name of a package that exports createBackend, or a JavaScript file whose default export
is a subject of @xpu-hal/conformance. Ends with 0 when nothing failed, 1 when a case did, 2 when no case
could be run.
`

function line({ id, status, reason, milliseconds }: CaseReport): string {
  const mark = { passed: 'ok  ', failed: 'FAIL', skipped: 'skip' }[status]
  const why = reason === undefined ? '' : `\n       ${reason.replaceAll('\n', '\n       ')}`
  return `${mark}  ${id} (${milliseconds} ms)${why}\n`
}

async function subjectOf(name: string): Promise<Subject> {
  if (!/\.[cm]?js$/.test(name)) {
    // A package that cannot be found or loaded is one error, not one for each case.
    await using hal = createHal({ backends: [name] })
    await hal.devices()
    return { name, backend: () => name }
  }
  const { default: subject } = (await import(pathToFileURL(resolve(name)).href)) as { default?: Subject }
  if (typeof subject?.backend !== 'function')
    throw new TypeError(`${name} has no subject as its default export`)
  return subject
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { json: { type: 'boolean' }, only: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    allowPositionals: true,
  })
  const [name] = positionals
  if (values.help === true || name === undefined || positionals.length > 1) {
    process.stdout.write(usage)
    return values.help === true ? 0 : 2
  }
  const print = values.json === true ? undefined : (result: CaseReport) => process.stdout.write(line(result))
  const found = await report(await subjectOf(name), values.only, print)
  const { passed, failed, skipped } = found
  const summary = `${passed} passed, ${failed} failed, ${skipped} skipped: ${name}\n`
  process.stdout.write(values.json === true ? `${JSON.stringify(found, undefined, 2)}\n` : summary)
  if (passed + failed + skipped === 0)
    process.stderr.write(`no case has an id that begins with '${values.only}'\n`)
  if (failed > 0) return 1
  return passed > 0 ? 0 : 2
}

main().then(
  (code) => {
    process.exitCode = code
  },
  (error: unknown) => {
    process.stderr.write(`xpu-conformance: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 2
  },
)
