import type { AuditEntry } from '../../shared/http-api/audit.ts'

/** So many acts of one admin have records of their own at a stretch, and one more whenever an interval has passed. */
const MAX_OWN = 100
const REFILL_MS = 60_000
/** What is gathered is recorded so late at most. */
const WINDOW_MS = 60_000
/** So many further records a window list what one admin did, before acts are counted only. */
const MAX_LISTS = 10
/** Of the list in a record, which holds 4 KiB. */
const MAX_LIST_BYTES = 2_048
const MAX_ADMINS = 1_000

export type NewEntry = Omit<AuditEntry, 'id'>

/** Acts that differ in what they were done to alone. */
interface Gathered {
  acts: number
  bytes: number
  readonly each: AuditEntry['details'][]
  /** Whether further acts are counted only. */
  isFull: boolean
  last: NewEntry
}

interface Admin {
  own: number
  refilledAtMs: number
  lists: number
  timer?: NodeJS.Timeout | undefined
  readonly gathered: Map<string, Gathered>
}

interface GatheredActsOptions {
  /** Records what stands for several acts, or for one that came alone after all. Never rejects. */
  readonly keep: (entry: NewEntry) => Promise<void>
  readonly windowMs?: number
  readonly nowMs?: () => number
}

/**
 * Gathers what one admin does more often than anybody does by hand: the audit holds a number of records, and whoever drops ten thousand
 * entries of the quarantine, or takes out as many users that do not exist, would push out all that was done before.
 */
export class GatheredActs {
  readonly #keep: (entry: NewEntry) => Promise<void>
  readonly #windowMs: number
  readonly #nowMs: () => number
  readonly #admins = new Map<string, Admin>()

  constructor({ keep, windowMs = WINDOW_MS, nowMs = () => performance.now() }: GatheredActsOptions) {
    this.#keep = keep
    this.#windowMs = windowMs
    this.#nowMs = nowMs
  }

  /** Returns whether this act is recorded with others, later; if not, it is to have a record of its own. */
  add(entry: NewEntry): boolean {
    const admin = this.#admins.get(entry.admin) ?? this.#begin(entry.admin)
    if (admin === undefined) return false
    this.#refill(admin)
    // Nothing overtakes what was done before it.
    if (admin.timer === undefined && admin.own >= 1) {
      admin.own--
      return false
    }
    const key = JSON.stringify([entry.action, entry.result, entry.code])
    this.#gather(admin, key, entry)
    admin.timer ??= setTimeout(() => void this.#end(admin), this.#windowMs).unref()
    return true
  }

  /** Records what was gathered so far. */
  async stop(): Promise<void> {
    for (const admin of this.#admins.values()) await this.#end(admin)
  }

  #begin(id: string): Admin | undefined {
    if (this.#admins.size >= MAX_ADMINS)
      for (const [other, admin] of this.#admins) {
        this.#refill(admin)
        if (admin.timer === undefined && admin.own === MAX_OWN) this.#admins.delete(other)
      }
    if (this.#admins.size >= MAX_ADMINS) return undefined
    const admin: Admin = { own: MAX_OWN, refilledAtMs: this.#nowMs(), lists: 0, gathered: new Map() }
    this.#admins.set(id, admin)
    return admin
  }

  #refill(admin: Admin): void {
    const intervals = Math.floor((this.#nowMs() - admin.refilledAtMs) / REFILL_MS)
    admin.own = Math.min(MAX_OWN, admin.own + intervals)
    admin.refilledAtMs += intervals * REFILL_MS
  }

  #gather(admin: Admin, key: string, entry: NewEntry): void {
    const known = admin.gathered.get(key)
    const isElsewhere = known !== undefined && known.last.address !== entry.address
    const one = isElsewhere ? { ...entry.details, address: entry.address } : entry.details
    const bytes = Buffer.byteLength(JSON.stringify(one)) + 1
    if (known === undefined) {
      admin.gathered.set(key, { acts: 1, bytes, each: [one], isFull: bytes > MAX_LIST_BYTES, last: entry })
      return
    }
    if (known.bytes + bytes > MAX_LIST_BYTES && admin.lists < MAX_LISTS) {
      admin.lists++
      admin.gathered.delete(key)
      void this.#keep(recordOf(known))
      this.#gather(admin, key, entry)
      return
    }
    known.isFull ||= known.bytes + bytes > MAX_LIST_BYTES
    known.acts++
    known.last = { ...entry, address: known.last.address }
    if (known.isFull) return
    known.bytes += bytes
    known.each.push(one)
  }

  async #end(admin: Admin): Promise<void> {
    clearTimeout(admin.timer)
    admin.timer = undefined
    admin.lists = 0
    const gathered = [...admin.gathered.values()]
    admin.gathered.clear()
    for (const one of gathered) await this.#keep(recordOf(one))
  }
}

const recordOf = ({ acts, each, last }: Gathered): NewEntry =>
  acts === 1 ? last : { ...last, details: { acts, each } }
