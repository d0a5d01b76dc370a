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

  /** Returns a sentence that is to be known, or what is wrong; undefined if both agree. `header` and `head` are of this file. */
  end(
    header: Record<string, unknown>,
    head: Record<string, unknown>,
  ): string | Problem<'altered' | 'unknown'> | undefined {
    for (const name of ['app', 'room'])
      if (!isSame(header[name], this.#earlier.header[name]))
        return {
          verdict: 'unknown',
          problem: `the earlier file is of another ${name}, and cannot be compared`,
        }
    if (this.#last === undefined) return 'the earlier file has no entries, so nothing could be compared'
    const offset = JSON.stringify(this.#last.offset)
    if (this.#link === undefined && this.#isBeyond(header))
      return isLater(head, this.#earlier.head)
        ? {
            verdict: 'altered',
            problem: `the log had entry ${offset} when the earlier file was signed, and ended before it later: its last entries were removed from its store, or lost`,
          }
        : { verdict: 'unknown', problem: 'the earlier file was signed later than this one: exchange them' }
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

  /** Whether the log, which is still the same one, ends before the last entry of the earlier file. */
  #isBeyond({ logEnd }: Record<string, unknown>): boolean {
    const { logEnd: before } = this.#earlier.header
    if (!isRecord(logEnd) || !isRecord(before) || logEnd['epoch'] !== before['epoch']) return false
    return Number(logEnd['offset']) < Number(this.#last?.offset)
  }
}

const isLater = (one: Record<string, unknown>, other: Record<string, unknown>): boolean =>
  Date.parse(String(one['signedAt'])) >= Date.parse(String(other['signedAt']))
