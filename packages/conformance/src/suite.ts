import { areaOf, type Case } from './case.js'
import { cases } from './cases/index.js'
import { type CaseResult, runCase } from './run-case.js'
import type { Exclusion, Subject } from './subject.js'

/** The part of a test's context that vitest and node:test have in common. */
export interface TestContext {
  skip(reason?: string): unknown
}

/** `describe` and `it` of vitest or node:test. */
export interface TestRunner {
  readonly describe: (name: string, define: () => void) => unknown
  readonly it: (name: string, test: (context: TestContext) => Promise<void>) => unknown
}

/** Registers every case for `subject` with a test runner. */
export function conformance({ describe, it }: TestRunner, subject: Subject): void {
  const unknown = strangers(subject)
  if (unknown.length > 0)
    throw new TypeError(`${subject.name} excludes cases that do not exist: ${unknown.join(', ')}`)
  const areas = new Set(cases.map(areaOf))
  describe(`conformance of ${subject.name}`, () => {
    for (const area of areas) {
      describe(area, () => {
        for (const test of cases.filter((entry) => areaOf(entry) === area)) {
          it(`${test.id}: ${test.title}`, async (context) => {
            const verdict = await judge(test, subject)
            if (verdict.status === 'failed') throw verdict.error
            if (verdict.status === 'passed') return
            // Not every reporter shows the reason of a skip.
            console.log(`skipped ${test.id}: ${verdict.reason}`)
            context.skip(verdict.reason)
          })
        }
      })
    }
  })
}

function strangers({ unsupported = [], expectedFailures = [] }: Subject): string[] {
  const ids = new Set(cases.map(({ id }) => id))
  return [...unsupported, ...expectedFailures].map((entry) => entry.case).filter((id) => !ids.has(id))
}

function exclusion(list: readonly Exclusion[] | undefined, { id }: Case): Exclusion | undefined {
  return list?.find((entry) => entry.case === id)
}

/** The result of a case with the subject's exclusions applied. */
export async function judge(test: Case, subject: Subject): Promise<CaseResult> {
  const unsupported = exclusion(subject.unsupported, test)
  if (unsupported !== undefined) return { status: 'skipped', reason: `unsupported: ${unsupported.reason}` }
  const result = await runCase(test, subject)
  const expected = exclusion(subject.expectedFailures, test)
  if (expected === undefined || result.status === 'skipped') return result
  if (result.status === 'failed') {
    return { status: 'skipped', reason: `expected failure: ${expected.reason} (${result.error.message})` }
  }
  return {
    status: 'failed',
    error: new Error(`stale: ${test.id} passes, but is listed as an expected failure`),
  }
}
