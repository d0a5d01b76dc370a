import type { Position, RecallClient, Subscription } from '../../../shared/client.ts'
import type { MemberNotice, Notice } from '../../../shared/notice.ts'
import { roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import type { History } from '../history.ts'
import type { ListenerHabit } from '../spec.ts'
import { reload } from './reload.ts'
import { toldOf } from './told.ts'
import { wait } from './wait.ts'
import { seqsOf } from '../../support/seqs.ts'

/** After a second, the client says that it waits for a listener. */
const SLOW_MS = 1_200

/** The page that a listener is in. */
export interface LibraryPage {
  readonly user: string
  readonly life: number
  readonly history: History
  readonly storage: Map<string, string>
  readonly client: RecallClient
  /** Those that are there. */
  readonly listeners: Set<LibraryListener>
  readonly closeAndReopen: () => void
}

/** One listener of the library, with its habits. */
export class LibraryListener {
  readonly #habit: ListenerHabit
  readonly #page: LibraryPage
  readonly #name: string
  #subscription: Subscription | undefined
  #count = 0
  #gaps = 0

  constructor(habit: ListenerHabit, page: LibraryPage) {
    this.#habit = habit
    this.#page = page
    this.#name = `${page.user} ${habit.name} in ${roomName(habit.room)}`
  }

  begin(): void {
    this.#page.listeners.add(this)
    this.#subscribe()
    // What followed the other room before does so from the start.
    if (this.#page.storage.has(this.#followsKey)) this.#follow()
  }

  get isRefused(): boolean {
    return this.#subscription?.state.kind === 'refused'
  }

  /** Whether it fails each time with this notice. */
  cannotHandle(room: Room, notice: Notice | MemberNotice): boolean {
    return roomName(room) === roomName(this.#habit.room) && this.#isImpossible(notice)
  }

  skipped(notice: Notice | MemberNotice): void {
    const { life, history } = this.#page
    history.add({ kind: 'skipped', listener: this.#name, life, offset: notice.offset })
    this.#keep(notice)
  }

  /** Mended in the end: otherwise, what waits could take longer than the run. */
  #isImpossible({ messages }: Notice | MemberNotice): boolean {
    const { skipsEvery } = this.#habit
    if (this.#page.history.isCalm) return false
    return skipsEvery > 0 && seqsOf(messages).some((seq) => seq % skipsEvery === 0)
  }

  #onNotice(notice: Notice | MemberNotice): unknown {
    const { life, history, closeAndReopen } = this.#page
    const { throwsEvery, leavesEvery, closesEvery, slowEvery, tookMs, room } = this.#habit
    const about = { listener: this.#name, life }
    const count = ++this.#count
    const isNow = (every: number): boolean => !history.isCalm && every > 0 && count % every === 0
    history.add({ kind: 'told', ...about, room, ...toldOf(notice) })
    const done = (isDone: boolean): void => {
      history.add({ kind: 'handled', ...about, offset: notice.offset, isDone })
      if (isDone) this.#keep(notice)
    }
    this.#follow()
    if (isNow(throwsEvery) || this.#isImpossible(notice)) {
      const error = new Error('a listener that fails now and then')
      if (count % 2 === 1)
        return wait(3).then(() => {
          done(false)
          throw error
        })
      done(false)
      throw error
    }
    if (isNow(closesEvery)) return closeAndReopen()
    if (isNow(leavesEvery)) return this.#leave()
    const ms = isNow(slowEvery) ? SLOW_MS : tookMs
    if (ms === 0) return done(true)
    return wait(ms).then(() => done(true))
  }

  /** Leaves from inside. What it is doing does not count as handled. */
  #leave(): void {
    const { user, life, history } = this.#page
    const { room, returnsAfterMs } = this.#habit
    history.add({ kind: 'left', listener: this.#name, user, life, room })
    this.#subscription?.leave()
    if (returnsAfterMs === 0) this.#subscribe()
    else setTimeout(() => this.#page.client.state.kind !== 'closed' && this.#subscribe(), returnsAfterMs)
  }

  #subscribe(): void {
    const { user, life, history, client } = this.#page
    const { room, begins } = this.#habit
    const about = { listener: this.#name, life }
    const since = begins === 'given' ? this.#kept : undefined
    history.add({ kind: 'followed', ...about, user, room, by: 'library', from: since ? 'kept' : begins })
    const own = client.subscribe(room, (notice) => this.#onNotice(notice), {
      ...(since && { since }),
      ...(begins === 'load' && { load: () => this.#onGap('load') }),
    })
    this.#subscription = own
    if (begins !== 'load') own.on('gap', ({ reason }) => this.#onGap(reason))
    own.on('refused', ({ code, retry }) =>
      history.add({ kind: 'refused', user, life, listener: this.#name, room, code, retry }),
    )
    own.on('state', ({ kind, code, reason }) => {
      if (own !== this.#subscription || kind === 'closed') return
      const why = { ...(code !== undefined && { code }), ...(reason !== undefined && { reason }) }
      history.add({ kind: 'state', user, life, listener: this.#name, state: kind, ...why })
    })
  }

  async #onGap(reason: string): Promise<void> {
    const { life, history } = this.#page
    const { gapFailsEvery, room } = this.#habit
    const about = { listener: this.#name, life }
    history.add({ kind: 'gap', ...about, room, reason })
    await wait(2)
    const recalled = await reload(this.#page.client, room, history).catch(() => undefined)
    const isDone = recalled !== undefined && (gapFailsEvery === 0 || ++this.#gaps % gapFailsEvery !== 0)
    history.add({ kind: 'gap handled', ...about, isDone, ...(isDone && { recalled }) })
    if (!isDone) throw new Error('a reload that fails now and then')
  }

  get #followsKey(): string {
    return `${this.#name} follows`
  }

  /** Follows another room too, from inside. */
  #follow(): void {
    const { alsoFollows } = this.#habit
    if (alsoFollows === undefined || [...this.#page.listeners].some((one) => one.#habit === alsoFollows))
      return
    this.#page.storage.set(this.#followsKey, 'yes')
    new LibraryListener(alsoFollows, this.#page).begin()
  }

  get #keptKey(): string {
    return `${this.#name} keeps`
  }

  /** An app that keeps its place by itself. */
  get #kept(): Position | undefined {
    const text = this.#page.storage.get(this.#keptKey)
    return text === undefined ? undefined : (JSON.parse(text) as Position)
  }

  /** The position is that of the room until the listener has returned. */
  #keep({ offset }: Notice | MemberNotice): void {
    const place = this.#subscription?.position
    // Of a page that is closed, nothing is heard any more.
    if (this.#page.client.state.kind === 'closed') return
    if (this.#habit.begins !== 'given' || place === undefined) return
    this.#page.storage.set(this.#keptKey, JSON.stringify({ epoch: place.epoch, offset }))
  }
}
