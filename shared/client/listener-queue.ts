import type { MemberNotice, Notice } from '../notice.ts'
import type { Position } from '../position.ts'
import { goneIf } from './epochs.ts'
import type { Gap, Telling } from './gap.ts'

/**
 * With this many items, or messages in them, a listener takes no more until it has handled them all. One notice has up to
 * 1,000 messages. Listeners share the notices themselves.
 */
const MAX_ITEMS = 5_000
const MAX_MESSAGES = 100_000
/** Nothing is late as long as it waits no longer than this. */
const MAX_WAIT_MS = 1_000
const OWED = 'a gap is not dealt with yet'
const SLOW = `a listener has not returned for over ${MAX_WAIT_MS / 1_000} s`

/** What a listener has to deal with. Its place is `position` afterwards. */
export type Item = { readonly position: Position } & (
  | { readonly notice: Notice | MemberNotice }
  /** `told` are the handlers of the subscription. */
  | { readonly gap: Gap; readonly told: Telling }
  | { readonly load: (position: Position) => unknown }
)

/** What waits for one listener, oldest first. */
export class ListenerQueue {
  readonly #onLate: () => void
  #items: Item[] = []
  #messages = 0
  #debts = 0
  #gaps = 0
  /** When each of them came, in ms. */
  #cameMs: number[] = []
  #isLate = false
  #reason: string | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  /** Calls `onLate` if something has waited for too long. */
  constructor(onLate: () => void) {
    this.#onLate = onLate
  }

  get items(): readonly Item[] {
    return this.#items
  }

  get isEmpty(): boolean {
    return this.#items.length === 0
  }

  get isFull(): boolean {
    return this.#items.length >= MAX_ITEMS || this.#messages >= MAX_MESSAGES
  }

  /** Whether a gap or a load is among the items. */
  get hasDebt(): boolean {
    return this.#debts > 0
  }

  /** Whether something waits that was late when it came, has waited for too long, or has failed. */
  get isLate(): boolean {
    return this.#isLate
  }

  /** What has failed or takes long, until the queue is empty; or that a gap waits. */
  get reason(): string | undefined {
    return this.#reason ?? (this.#gaps > 0 ? OWED : undefined)
  }

  push(items: readonly Item[]): void {
    for (const item of items) {
      this.#items.push(item)
      this.#cameMs.push(performance.now())
      this.#count(item, 1)
    }
  }

  shift(): Item | undefined {
    const item = this.#items.shift()
    if (item === undefined) return undefined
    this.#cameMs.shift()
    this.#count(item, -1)
    if (this.isEmpty) {
      this.#isLate = false
      this.#reason = undefined
    }
    return item
  }

  /** Returns what was in it. */
  clear(): readonly Item[] {
    const items = this.#items
    this.#items = []
    this.#messages = 0
    this.#debts = 0
    this.#gaps = 0
    this.#cameMs = []
    clearTimeout(this.#timer)
    this.#timer = undefined
    return items
  }

  /** The log went back, and has this epoch. */
  retire(epoch: string): void {
    this.#items = this.#items.map((item) => ({ ...item, position: goneIf(epoch, item.position) }))
  }

  /** What waits is late, until the queue is empty. A reason replaces the one before. */
  markLate(reason = this.#reason): void {
    if (this.isEmpty) return
    this.#isLate = true
    this.#reason = reason
  }

  /** Watches how long what is there waits. */
  watch(): void {
    const [cameMs] = this.#cameMs
    if (this.#timer !== undefined || this.#reason !== undefined || cameMs === undefined) return
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined
        const [oldestMs = Infinity] = this.#cameMs
        if (performance.now() < oldestMs + MAX_WAIT_MS) return this.watch()
        const [first] = this.#items
        // How long a load may take is for the application to say.
        if (this.#reason === undefined) this.markLate(first && 'notice' in first ? SLOW : undefined)
        this.#onLate()
      },
      Math.max(0, cameMs + MAX_WAIT_MS - performance.now()),
    )
  }

  #count(item: Item, sign: 1 | -1): void {
    if ('notice' in item) this.#messages += sign * item.notice.messages.length
    else this.#debts += sign
    if ('gap' in item) this.#gaps += sign
  }
}
