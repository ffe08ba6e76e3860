import { readFileSync } from 'node:fs'
import type { Case } from './case.js'
import { cases } from './cases/index.js'
import type { Subject } from './subject.js'
import { judge } from './suite.js'

export interface CaseReport {
  readonly id: string
  readonly title: string
  readonly status: 'passed' | 'failed' | 'skipped'
  /** Why it was skipped, or what went wrong. */
  readonly reason?: string
  readonly milliseconds: number
}

/** What a run of the suite found, for machines. */
export interface Report {
  readonly suite: string
  readonly subject: string
  readonly node: string
  readonly platform: string
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  readonly cases: readonly CaseReport[]
}

/** Runs the cases whose id begins with `only`, one after the other. `each` hears of every result as it comes. */
export async function report(
  subject: Subject,
  only = '',
  each: (result: CaseReport) => void = () => {},
): Promise<Report> {
  const results: CaseReport[] = []
  for (const test of cases.filter(({ id }) => id.startsWith(only))) {
    const result = await reportOf(test, subject)
    results.push(result)
    each(result)
  }
  const count = (wanted: CaseReport['status']) => results.filter(({ status }) => status === wanted).length
  return {
    suite: `@xpu-hal/conformance ${version()}`,
    subject: subject.name,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    passed: count('passed'),
    failed: count('failed'),
    skipped: count('skipped'),
    cases: results,
  }
}

async function reportOf(test: Case, subject: Subject): Promise<CaseReport> {
  const startedAt = performance.now()
  const result = await judge(test, subject)
  const { id, title } = test
  const milliseconds = Math.round(performance.now() - startedAt)
  if (result.status === 'passed') return { id, title, status: result.status, milliseconds }
  const reason = result.status === 'failed' ? result.error.message : result.reason
  return { id, title, status: result.status, reason, milliseconds }
}

function version(): string {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version
}
