import { JWT_SECRET, WEBHOOK_TOKEN } from '../support/gateway-process.ts'
import type { History } from './history.ts'

const KEPT_LINES = 400
const ERRORS = new Set(['error', 'fatal'])
/** A JWT, and a UserSig. */
const CREDENTIAL = /\beyJ[\w-]{8,}\.[\w-]+\.[\w-]+|\beJ[\w*-]{60,}/

/** What the processes of the gateway log. What must not be there goes into the history. */
export class Log {
  readonly #history: History
  readonly #nowMs: () => number
  readonly #lines: string[] = []

  constructor(history: History, nowMs: () => number) {
    this.#history = history
    this.#nowMs = nowMs
  }

  /** The latest. */
  get lines(): readonly string[] {
    return this.#lines
  }

  /** `line`: process, level and text. */
  add(line: string): void {
    this.#lines.push(`${this.#nowMs().toFixed(0)} ${line}`)
    if (this.#lines.length > 2 * KEPT_LINES) this.#lines.splice(0, KEPT_LINES)
    const [process = '', level = '', ...words] = line.split(' ')
    const hasSecret = line.includes(JWT_SECRET) || line.includes(WEBHOOK_TOKEN) || CREDENTIAL.test(line)
    if (ERRORS.has(level) || hasSecret)
      this.#history.add({
        kind: 'logged',
        process,
        level: hasSecret ? 'secret' : level,
        text: words.join(' '),
      })
  }
}
