import { matches, parseFilter } from '../../../shared/filter.ts'
import type { Filter } from '../../../shared/filter.ts'
import { BurstCounter } from './burst-counter.ts'
import { identityOf } from './conversations.ts'
import type { NoticeRow, Row } from './feed.ts'
import { MAX_RULES, parseRules } from './ring-rules.ts'
import type { RingRule } from './ring-rules.ts'
import { parseRemembered, rungOf } from './rung.ts'
import type { Remembered, Ring, Rung, TextStore } from './rung.ts'

const MAX_RINGS = 200
/** Recalls that a ring leads to: the first, and the latest ones. */
const MAX_RUNG = 20
/** Recalls that are remembered, so that none rings twice, wherever it comes from. */
const MAX_KNOWN = 5_000
/** Recalls that seem to be of the future, which a reload must know: of at most so many. */
const MAX_AHEAD = 200
/** What the gateway received longer ago is news no more: it came late, or while this page was away. */
const NEWS_MS = 30_000
/** Of saving, while nothing rings. */
const SAVE_INTERVAL_MS = 5_000

interface RingsOptions {
  /** Where rules stay, and where rings do until the tab is closed. */
  readonly stores: { readonly rules: TextStore; readonly rung: TextStore }
  /** The gateway's clock, in ms since 1970. */
  readonly now: () => number
  /** Called once for each ring, and not for what is added to it. */
  readonly onRing: (ring: Ring, rule: RingRule) => void
  readonly onChange: () => void
}

interface Listening {
  readonly rule: RingRule
  readonly filter: Filter
  readonly counter: BurstCounter | undefined
  /** When it rang last, by what the ring is of. At most as many as the counter has. */
  readonly rang: Map<string, { readonly id: number; readonly atMs: number }>
}

/**
 * What rings, and what has rung. A recall rings when it arrives; one that this page has missed, for as long as it was closed or
 * offline, rings when it is caught up, all of them together as far as they are within one cool-down. None rings twice.
 */
export class Rings {
  readonly #options: RingsOptions
  #listening: readonly Listening[]
  #rings: readonly Ring[]
  #known = new Set<string>()
  #nextId: number
  #seenId: number
  /** What the gateway received until then has had its chance, by the gateway's clock. */
  #upToMs: number | undefined
  #ahead: readonly string[]
  #savedAtMs = -Infinity

  constructor(options: RingsOptions) {
    const { rings, seenId, upToMs, ahead } = parseRemembered(options.stores.rung.get())
    this.#options = options
    this.#rings = rings
    this.#nextId = (rings[0]?.id ?? 0) + 1
    this.#seenId = Math.min(seenId, this.#nextId - 1)
    this.#upToMs = upToMs
    this.#ahead = ahead
    this.#listening = parseRules(options.stores.rules.get()).flatMap((rule) => listen(rule, rings))
  }

  get rules(): readonly RingRule[] {
    return this.#listening.map(({ rule }) => rule)
  }

  /** Newest first. */
  get rings(): readonly Ring[] {
    return this.#rings
  }

  get unseen(): readonly Ring[] {
    return this.#rings.filter(({ id }) => id > this.#seenId)
  }

  markSeen(): void {
    if (this.#seenId === this.#nextId - 1) return
    this.#seenId = this.#nextId - 1
    this.#options.onChange()
  }

  /** Reads the rules again: another tab may have changed them. Those that are as they were go on counting. */
  readRules(): void {
    const before = new Map(this.#listening.map((one) => [JSON.stringify(one.rule), one]))
    this.#listening = parseRules(this.#options.stores.rules.get()).flatMap(
      (rule) => before.get(JSON.stringify(rule)) ?? listen(rule, this.#rings),
    )
    if (before.size === 0 && this.#listening.length > 0) this.#upToMs = this.#options.now()
    this.#options.onChange()
  }

  /**
   * Adds a rule, in place of `replaced` and of one with the same name. Returns false if there is no room, or its filter cannot be
   * read.
   */
  setRule(rule: RingRule, replaced = rule.name): boolean {
    this.readRules()
    const others = this.#listening.filter((one) => ![rule.name, replaced].includes(one.rule.name))
    const [added] = listen(rule, [])
    if (added === undefined || others.length >= MAX_RULES) return false
    // What came before there was any rule is nothing that was missed.
    if (this.#listening.length === 0) this.#upToMs = this.#options.now()
    this.#listening = [...others, added]
    this.#saveRules()
    return true
  }

  dropRule(name: string): void {
    this.readRules()
    this.#listening = this.#listening.filter(({ rule }) => rule.name !== name)
    this.#saveRules()
  }

  #saveRules(): void {
    this.#options.stores.rules.set(JSON.stringify(this.rules))
    this.#options.onChange()
  }

  clear(): void {
    this.#rings = []
    this.#options.onChange()
  }

  /** Takes rows as they come into the feed: as they happen, or read from its log. */
  onRows(rows: readonly Row[]): void {
    if (this.#listening.length === 0) return
    const nowMs = this.#options.now()
    // A page that was never open before has missed nothing.
    const upToMs = (this.#upToMs ??= nowMs)
    const ahead = new Set(this.#ahead)
    for (const row of rows) {
      if (row.kind !== 'notice') continue
      const identity = identityOf(row.notice)
      if (!this.#isUnknown(identity)) continue
      const receivedAtMs = receivedAt(row.notice)
      // The clock of a receiver may be ahead: what comes until then would seem to be of the past.
      this.#upToMs = Math.max(this.#upToMs ?? 0, Math.min(receivedAtMs, nowMs))
      const isNews = row.seenAtMs !== undefined || (receivedAtMs > upToMs && !ahead.has(identity))
      // This page may take the gateway's clock to be behind.
      if (receivedAtMs > nowMs && !ahead.has(identity))
        this.#ahead = [...this.#ahead, identity].slice(-MAX_AHEAD)
      this.#onRecall(row, isNews ? nowMs : undefined)
    }
    if (Math.abs(nowMs - this.#savedAtMs) >= SAVE_INTERVAL_MS) this.save()
  }

  /** Saves what a reload of this tab must know: now and then, since a page may end without notice, and when it goes. */
  save(): void {
    this.#savedAtMs = this.#options.now()
    const remembered: Remembered = {
      rings: this.#rings,
      seenId: this.#seenId,
      upToMs: this.#upToMs,
      ahead: this.#ahead,
    }
    this.#options.stores.rung.set(JSON.stringify(remembered))
  }

  #isUnknown(identity: string): boolean {
    if (this.#known.has(identity)) return false
    this.#known.add(identity)
    if (this.#known.size > MAX_KNOWN) this.#known = new Set([...this.#known].slice(-MAX_KNOWN / 2))
    return true
  }

  /** Without `nowMs`, the recall is one of the past: it may be part of a burst that goes on, and rings no more. */
  #onRecall(row: NoticeRow, nowMs: number | undefined): void {
    for (const listening of this.#listening) {
      if (!matches(listening.filter, row.notice)) continue
      const { counter, rule } = listening
      const found = counter?.add(row.notice, receivedAt(row.notice))
      if (nowMs === undefined) continue
      if (rule.burst === undefined) this.#ring(listening, row, nowMs)
      else if (found !== undefined) this.#ring(listening, row, nowMs, { per: rule.burst.per, ...found })
    }
  }

  #ring({ rule, rang }: Listening, row: NoticeRow, nowMs: number, burst?: Ring['burst']): void {
    const of = burst?.of ?? ''
    const last = rang.get(of)
    const isQuiet = last !== undefined && nowMs - last.atMs < rule.coolDownS * 1_000
    if (isQuiet && this.#rings.some((ring) => ring.id === last.id)) {
      this.#rings = this.#rings.map((ring) => (ring.id === last.id ? withMore(ring, row, rule) : ring))
      return
    }
    const isLate = nowMs - receivedAt(row.notice) > NEWS_MS
    const id = this.#nextId++
    const ring: Ring = {
      id,
      rule: rule.name,
      atMs: nowMs,
      recalls: 1,
      rung: [rungOf(row)],
      isLate,
      hasOthers: false,
      isElsewhere: false,
      ...(burst && { burst }),
    }
    rang.delete(of)
    // The ring may have been cleared away. What follows in its quiet time makes a ring of its own, without noise.
    rang.set(of, { id, atMs: isQuiet ? last.atMs : nowMs })
    const [oldest] = rang.keys()
    if (rang.size > MAX_RINGS && oldest !== undefined) rang.delete(oldest)
    this.#rings = [ring, ...this.#rings].slice(0, MAX_RINGS)
    if (isQuiet) return
    // What has rung must not ring again, however this page ends.
    this.#savedAtMs = -Infinity
    this.#options.onRing(ring, rule)
  }
}

/** Of a burst, the counter knows only that it goes on: it counts no further than it must. */
function withMore(ring: Ring, row: NoticeRow, { burst }: RingRule): Ring {
  const [first, ...others] = [...ring.rung, rungOf(row)]
  const rung = first === undefined ? others : [first, ...others.slice(1 - MAX_RUNG)]
  const more = burst?.unit === 'messages' ? row.notice.messages.length : 1
  const added = rung.at(-1)
  return {
    ...ring,
    recalls: ring.recalls + 1,
    rung,
    hasOthers: ring.hasOthers || added?.operator !== first?.operator,
    isElsewhere: ring.isElsewhere || !isSamePlace(added, first),
    ...(ring.burst && { burst: { ...ring.burst, count: ring.burst.count + more } }),
  }
}

const isSamePlace = (one: Rung | undefined, other: Rung | undefined): boolean =>
  JSON.stringify(one?.conversation) === JSON.stringify(other?.conversation)

/** Members do not learn when the gateway received a recall. */
const receivedAt = (notice: NoticeRow['notice']): number =>
  'receivedAtMs' in notice ? notice.receivedAtMs : notice.recalledAtMs

/** The cool-down of what rang before a reload goes on. */
function listen(rule: RingRule, rings: readonly Ring[]): Listening[] {
  const parsed = parseFilter(rule.q)
  if (!parsed.ok) return []
  const counter = rule.burst && new BurstCounter(rule.burst)
  const rang = new Map(
    rings
      .filter((ring) => ring.rule === rule.name)
      .toReversed()
      .map(({ id, atMs, burst }) => [burst?.of ?? '', { id, atMs }]),
  )
  return [{ rule, filter: parsed.filter, counter, rang }]
}
