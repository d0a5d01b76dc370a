import type { Room } from '../../../shared/room.ts'
import type { Entry, EntryOf } from '../history.ts'
import type { Plan } from '../spec.ts'
import { faultEndMs } from './fault-ends.ts'
import { grouped, nameOf } from './recalls.ts'

/** The answer of the app's backend may take so long, and a node counts from when it has it. */
const ANSWER_MS = 3_000
/** A token ends to the second. */
const TOKEN_MS = 1_000
/** A no of the app's backend is kept for 30 s, and clients ask again with a backoff of up to 30 s. */
export const NO_MS = 65_000
/** Without an answer, an order may have arrived up to then. */
const ORDERED_MS = 5_000
/** Nodes learn that access was taken away in so long, while nothing is disturbed. */
const ORDER_MS = 3_000

/** What disturbs keeps nodes from learning of an order, and so long after it. */
const DISTURBED_MS = 10_000

/** What the end of a right has to wait for. */
const FROZEN = /^(gateway|redis|backend) frozen/
/** What comes late may have been sent long before. */
const LATE = /frozen|line|half open|nothing reaches|slow/
/** It lasts no longer. */
const STANDSTILL_MS = 20_000
/** Whoever begins anew reads every order before anybody may enter. */
const ENDS =
  /^(gateway (killed|crashed|crashes|stopped|without power)|all gateways|rolling restart|user|clock of a user|backend|disk)/
const NODE_ENDS = /^(gateway (killed|crashed|stopped)|all gateways killed)/
interface Span {
  readonly fromMs: number
  readonly untilMs: number
}

const overlap = (spans: readonly Span[], fromMs: number, untilMs: number): boolean =>
  spans.some((span) => span.fromMs <= untilMs && span.untilMs >= fromMs)

/** What has no end of its own, and is not over in a moment either. */
const LASTS = /clock|half open/
/** An order may be confirmed while Redis loses it. */
const LOSS_MS = 1_000
/** Redis forgets orders. */
const LOSS = /emptied|restarted empty|without its latest|rolled back|everything without power/

/** What a user may listen to. Of users without recorded tokens, all rooms of the plan are granted for good. */
export class Rights {
  readonly #plan: Plan
  /** When something kept nodes from learning of orders. */
  readonly #disturbed: readonly Span[]
  /** What gives rights, and takes them. */
  readonly #ofUsers: ReadonlyMap<string, readonly RightsEntry[]>
  readonly #frozen: readonly Span[]
  readonly #late: readonly (Span & { readonly user: string | undefined })[]
  /** When Redis forgot orders. */
  readonly #lossesMs: readonly number[]
  readonly #clocks: readonly EntryOf<'clock'>[]
  readonly #overMs: number
  /** When the provider said that somebody had left a group, while nothing was wrong. */
  readonly #quits: readonly EntryOf<'quit'>[]
  /** When the only node ended: whoever comes back meets one that has read every order. */
  readonly #endsMs: readonly number[]
  readonly #orders: readonly { readonly order: EntryOf<'ordered'>; readonly okAtMs: number | undefined }[]

  constructor(plan: Plan, history: readonly Entry[]) {
    this.#plan = plan
    this.#ofUsers = grouped(history.filter(isOfRights), ({ user }) => user)
    const faults = history.filter((entry): entry is EntryOf<'fault'> => entry.kind === 'fault')
    this.#clocks = history.filter((entry): entry is EntryOf<'clock'> => entry.kind === 'clock')
    this.#overMs = history.find(({ kind }) => kind === 'all faults over')?.atMs ?? Infinity
    const timeOf = (fault: EntryOf<'fault'>): Span => ({
      fromMs: fault.atMs,
      untilMs: overAtMs(fault, history) + DISTURBED_MS,
    })
    this.#frozen = faults.filter(({ name }) => FROZEN.test(name)).map(timeOf)
    this.#late = faults.flatMap((fault) =>
      LATE.test(fault.name) ? [{ ...timeOf(fault), user: fault.user }] : [],
    )
    this.#disturbed = faults.filter(({ name }) => !ENDS.test(name)).map(timeOf)
    const all = faults.map(timeOf)
    this.#quits = history.filter(
      (entry): entry is EntryOf<'quit'> =>
        entry.kind === 'quit' && entry.isOk && !overlap(all, entry.atMs - ORDER_MS, entry.atMs + ORDER_MS),
    )
    const isAlone = plan.shape.alls + plan.shape.nodes === 1
    this.#endsMs = faults.flatMap(({ name, atMs }) => (isAlone && NODE_ENDS.test(name) ? [atMs] : []))
    this.#lossesMs = faults.flatMap(({ name, atMs }) => (LOSS.test(name) ? [atMs] : []))
    const okAtMs = new Map(
      history.flatMap((entry) =>
        entry.kind === 'order answered' && entry.isOk ? [[entry.id, entry.atMs] as const] : [],
      ),
    )
    this.#orders = history.flatMap((order) =>
      order.kind === 'ordered' ? [{ order, okAtMs: okAtMs.get(order.id) }] : [],
    )
  }

  isAdmin(user: string): boolean {
    return this.#plan.users.find(({ name }) => name === user)?.role === 'admin'
  }

  /** How long what reaches a user at a time may have been on its way, beside what a line takes. */
  lateMs(user: string, atMs: number): number {
    const own = this.#late.filter((fault) => (fault.user ?? user) === user)
    return overlap(own, atMs, atMs) ? STANDSTILL_MS : 0
  }

  /** How much longer a right may last that ended before. */
  #slackMs(atMs: number): number {
    return overlap(this.#frozen, atMs, atMs) ? STANDSTILL_MS : 0
  }

  /** Whether the user may have had the right to be told of the room at some moment between the two. */
  mayHave(user: string, room: Room, fromMs: number, untilMs: number): boolean {
    const edges = [fromMs, untilMs, ...this.#of(user).map(({ atMs }) => atMs)].filter(
      (ms) => ms >= fromMs && ms <= untilMs,
    )
    return edges.some((ms) => this.#mayHaveAt(user, room, ms))
  }

  /** The same, of a refusal that has come at a time: what the backend has denied is denied for a while, what has ended is over. */
  surelyHasAt(user: string, room: Room, atMs: number, deniedMs: number): boolean {
    return this.surelyHas(user, room, atMs - deniedMs, atMs, atMs - this.lateMs(user, atMs))
  }

  /** Whether the user certainly had the right all the time between the two. Orders count if they may hold at `ordersFromMs`. */
  surelyHas(user: string, room: Room, fromMs: number, untilMs: number, ordersFromMs = fromMs): boolean {
    const entries = this.#of(user).filter(({ atMs }) => atMs <= untilMs)
    const isBad = (entry: RightsEntry): boolean => {
      const isLate = entry.atMs >= fromMs
      if (entry.kind === 'token') return isLate && entry.endsAtMs <= entry.atMs
      if (entry.kind === 'revoked') return isLate && covers(entry.room, room)
      if (entry.kind !== 'ordered' || !concerns(entry.room, room)) return false
      return this.#endOf(entry, ordersFromMs) + ORDER_MS >= ordersFromMs
    }
    if (entries.some(isBad)) return false
    const last = entries.findLast(
      (entry) =>
        (entry.kind === 'granted' || entry.kind === 'revoked') &&
        covers(entry.room, room) &&
        entry.atMs <= fromMs,
    )
    return last?.kind === 'granted' || (last === undefined && this.#mayHaveAt(user, room, untilMs))
  }

  #of(user: string): readonly RightsEntry[] {
    return this.#ofUsers.get(user) ?? []
  }

  #mayHaveAt(user: string, room: Room, atMs: number): boolean {
    if (this.#isOrdered(user, room, atMs)) return false
    const entries = this.#of(user)
    if (!entries.some(({ kind }) => kind === 'token' || kind === 'granted'))
      return this.#plan.users.some(
        ({ name, role, rooms }) =>
          name === user && (role === 'admin' || rooms.some((granted) => covers(granted, room))),
      )
    // A node whose clock is behind takes a token for longer; one whose clock was ahead keeps an answer for longer.
    const slackMs = TOKEN_MS + this.#slackMs(atMs) + this.#aheadBy(atMs) + this.#behindBy(atMs)
    return entries.some((entry) => {
      if (entry.atMs > atMs) return false
      if (entry.kind === 'token')
        return (
          entry.endsAtMs + slackMs >= atMs &&
          (entry.isAdmin || (entry.rooms ?? []).some((granted) => covers(granted, room)))
        )
      if (entry.kind !== 'verdict' || !entry.isAllowed) return false
      if (entry.atMs + entry.forMs + ANSWER_MS - TOKEN_MS + slackMs < atMs) return false
      return covers(entry.room, room) && !this.#isOver(entry, atMs)
    })
  }

  /** Whether the provider has said since that the member has left, in time for all nodes to hear of it. */
  #isOver(verdict: EntryOf<'verdict'>, atMs: number): boolean {
    return this.#quits.some(
      (quit) =>
        quit.user === verdict.user &&
        'group' in verdict.room &&
        quit.group === verdict.room.group &&
        // A later one may know that.
        quit.sentAtMs > verdict.atMs &&
        quit.atMs + ORDER_MS + this.#slackMs(atMs) <= atMs &&
        !overlap(this.#disturbed, quit.atMs, atMs),
    )
  }

  /** An order that was confirmed holds, until it ends. What disturbs may keep a node from learning of it in time. */
  #isOrdered(user: string, room: Room, atMs: number): boolean {
    return this.#orders.some(
      ({ order, okAtMs }) =>
        order.user === user &&
        okAtMs !== undefined &&
        concerns(order.room, room) &&
        okAtMs + ORDER_MS + this.#slackMs(atMs) <= atMs &&
        atMs <= order.atMs + order.forMs &&
        !this.#isForgotten(okAtMs, atMs) &&
        (!overlap(this.#disturbed, atMs - ORDER_MS, atMs) || this.#isReadAnew(okAtMs, atMs)),
    )
  }

  /** By a clock that is wrong, it may be over. */
  #isReadAnew(okAtMs: number, atMs: number): boolean {
    return (
      !this.#clocks.some((clock) => clock.atMs <= atMs) && this.#endsMs.some((ms) => ms > okAtMs && ms < atMs)
    )
  }

  /** Redis has lost it; one that was ordered later, it has. */
  #isForgotten(okAtMs: number, atMs: number): boolean {
    return this.#lossesMs.some((ms) => ms >= okAtMs - LOSS_MS && ms < atMs)
  }

  /**
   * It begins when the gateway has it, which is when the answer comes, at the latest. The clock of who takes it says when it ends, and
   * that of each node when this is, at a time.
   */
  #endOf(order: EntryOf<'ordered'>, atMs: number): number {
    const { okAtMs = order.atMs + ORDERED_MS } = this.#orders.find((one) => one.order === order) ?? {}
    const behindMs = atMs < this.#overMs ? this.#behindBy(Infinity) : 0
    return okAtMs + order.forMs + this.#aheadBy(okAtMs) + behindMs
  }

  /** How far the clock of a process may have been ahead by then. */
  #aheadBy(atMs: number): number {
    return Math.max(0, ...this.#offsetsBy(atMs))
  }

  #behindBy(atMs: number): number {
    return Math.max(0, ...this.#offsetsBy(atMs).map((ms) => -ms))
  }

  #offsetsBy(untilMs: number): number[] {
    return this.#clocks.flatMap(({ atMs, offsetMs }) => (atMs <= untilMs ? [offsetMs] : []))
  }
}

function overAtMs(fault: EntryOf<'fault'>, history: readonly Entry[]): number {
  const endMs = faultEndMs(fault, history)
  if (endMs !== undefined || !LASTS.test(fault.name)) return endMs ?? fault.atMs
  return history.find(({ kind }) => kind === 'all faults over')?.atMs ?? Infinity
}

type RightsEntry = EntryOf<'token' | 'verdict' | 'granted' | 'revoked' | 'ordered'>

const RIGHTS = new Set(['token', 'verdict', 'granted', 'revoked', 'ordered'])

const isOfRights = (entry: Entry): entry is RightsEntry => RIGHTS.has(entry.kind)

/** Whether a grant covers a room: that of a group covers its topics. */
const covers = (granted: Room, room: Room): boolean =>
  nameOf(granted) === nameOf(room) ||
  (!('feed' in granted) && !('feed' in room) && granted.group === room.group && granted.topic === undefined)

/** Whether an order takes a room away: without a room, all; and what else carries its recalls, as the feed does. */
const concerns = (ordered: Room | undefined, room: Room): boolean =>
  ordered === undefined || 'feed' in room || covers(ordered, room) || covers(room, ordered)
