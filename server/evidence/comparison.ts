import { isRecord } from '../../shared/json.ts'
import { isSame } from './lines.ts'
import type { Problem, Verified } from './verdict.ts'

/** Compares a file of evidence with an earlier one of the same log: what the earlier one ended with must be in it, under the same link. */
export class Comparison {
  readonly #earlier: Verified
  readonly #last: { readonly offset: unknown; readonly link: unknown } | undefined
  /** The link that this file has for the last entry of the earlier one; undefined if it does not have that. */
  #link: string | null | undefined

  constructor(earlier: Verified) {
    this.#earlier = earlier
    const last = earlier.head['last']
    if (isRecord(last)) this.#last = { offset: last['offset'], link: last['link'] }
  }

  /** Takes an entry of this file. */
  add(offset: number, link: string | null): void {
    if (offset === this.#last?.offset) this.#link = link
  }

  /** Returns a sentence that is to be known, or what is wrong; undefined if both agree. */
  end(header: Record<string, unknown>): string | Problem<'altered' | 'unknown'> | undefined {
    for (const name of ['app', 'room'])
      if (!isSame(header[name], this.#earlier.header[name]))
        return {
          verdict: 'unknown',
          problem: `the earlier file is of another ${name}, and cannot be compared`,
        }
    if (this.#last === undefined) return 'the earlier file has no entries, so nothing could be compared'
    const offset = JSON.stringify(this.#last.offset)
    if (this.#link === undefined)
      return `entry ${offset}, with which the earlier file ends, is not in this one, so nothing could be compared`
    if (typeof this.#last.link !== 'string')
      return `entry ${offset}, with which the earlier file ends, has no link there, so nothing could be compared`
    if (this.#link === this.#last.link) return undefined
    return {
      verdict: 'altered',
      problem: `entry ${offset} has another link than in the earlier file: meanwhile the log was changed in its store, or has lost entries`,
    }
  }
}
