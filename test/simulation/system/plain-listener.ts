import type { Position } from '../../../shared/position.ts'
import { isFeed, roomName } from '../../../shared/room.ts'
import type { MemberNotice, Notice } from '../../../shared/notice.ts'
import type { Room } from '../../../shared/room.ts'
import type { StateKind } from '../../../shared/client.ts'
import type { History } from '../history.ts'
import type { ListenerHabit } from '../spec.ts'
import { toldOf } from './told.ts'

interface PlainPage {
  readonly user: string
  readonly life: number
  readonly history: History
  readonly storage: Map<string, string>
  readonly by: 'plain' | 'stream'
}

interface Answer {
  readonly ok: boolean
  readonly code?: string
  readonly retry?: boolean
  readonly position?: Position
  readonly gap?: string
}

/** What a page without the library knows of a room: its position, which it moves as it handles notices, and how it is. */
export class PlainListener {
  readonly room: Room
  /** How long it stays away when it has left. */
  readonly returnsAfterMs: number
  /** It leaves. */
  onLeave: (() => void) | undefined
  hasLeft = false
  readonly #leavesEvery: number
  #count = 0
  readonly #page: PlainPage
  readonly #about: { readonly listener: string; readonly life: number; readonly room: Room }
  /** The position that the answer promised. */
  #target: Position | undefined
  #isIn = false
  readonly #doubts = new Map<'node' | 'room', string>()
  #state: StateKind | undefined

  constructor({ room, name, leavesEvery, returnsAfterMs }: ListenerHabit, page: PlainPage) {
    this.room = room
    this.returnsAfterMs = returnsAfterMs
    this.#leavesEvery = leavesEvery
    this.#page = page
    this.#about = { listener: `${page.user} ${name} in ${roomName(room)}`, life: page.life, room }
    this.begin()
  }

  /** Follows its room, for the first time or again. */
  begin(): void {
    const { user, by, history } = this.#page
    this.hasLeft = false
    const from = this.position ? 'kept' : 'stored'
    history.add({ kind: 'followed', ...this.#about, user, by, from })
    this.#say('connecting')
  }

  /** The node has said that it is out of the room. What it is told now is told in error. */
  left(): void {
    const { user, history } = this.#page
    this.hasLeft = true
    this.#isIn = false
    this.#state = undefined
    history.add({ kind: 'left', ...this.#about, user })
  }

  get name(): string {
    return this.#about.listener
  }

  get isRefused(): boolean {
    return this.#state === 'refused'
  }

  get position(): Position | undefined {
    const text = this.#page.storage.get(roomName(this.room))
    return text === undefined ? undefined : (JSON.parse(text) as Position)
  }

  #move(position: Position): void {
    this.#page.storage.set(roomName(this.room), JSON.stringify(position))
  }

  /** Returns whether to subscribe again. */
  answered({ ok, code = '', retry = false, position, gap }: Answer): boolean {
    if (!ok || position === undefined) {
      this.refused(code, retry)
      return retry
    }
    this.#isIn = true
    this.#doubts.delete('room')
    this.#target = position
    if (gap !== undefined) this.gap(gap, position)
    else if (this.position === undefined) this.#move(position)
    this.#update()
    return false
  }

  refused(code: string, retry: boolean): void {
    this.#isIn = false
    const { room, ...about } = this.#about
    this.#page.history.add({ kind: 'refused', user: this.#page.user, ...about, room, code, retry })
    this.#say(retry ? 'catching-up' : 'refused', code)
  }

  /** A new connection is told anew what is in doubt. */
  connecting(): void {
    this.#doubts.clear()
  }

  /** Neither connected nor subscribed. Refused: with its whole page. */
  paused(state: 'offline' | 'refused' | 'catching-up'): void {
    this.#isIn = false
    if (state !== 'catching-up') this.#doubts.clear()
    this.#say(state)
  }

  proved(isProved: boolean, part: 'node' | 'room', reason = ''): void {
    if (isProved) this.#doubts.delete(part)
    else this.#doubts.set(part, reason)
    if (this.#isIn) this.#update()
  }

  gap(reason: string, position: Position): void {
    const { position: before } = this
    const missed = before?.epoch === position.epoch ? { missed: position.offset - before.offset } : {}
    this.#page.history.add({ kind: 'gap', ...this.#about, reason, ...missed })
    this.#page.history.add({ kind: 'gap handled', ...this.#about, isDone: true })
    this.#target = position
    this.#move(position)
  }

  notices(epoch: string, notices: readonly (Notice | MemberNotice)[]): void {
    const { history } = this.#page
    for (const notice of notices) {
      history.add({ kind: 'told', ...this.#about, ...toldOf(notice) })
      const place = this.position
      if (place?.epoch !== epoch || place.offset + 1 !== notice.offset)
        history.add({
          kind: 'crashed',
          process: this.#about.listener,
          error: this.#hole(epoch, notice.offset),
        })
      history.add({ kind: 'handled', ...this.#about, offset: notice.offset, isDone: true })
      this.#move({ epoch, offset: notice.offset })
    }
    if (this.hasLeft) return
    this.#update()
    if (this.#leavesEvery > 0 && ++this.#count % this.#leavesEvery === 0) this.onLeave?.()
  }

  #hole(epoch: string, offset: number): string {
    return `expected what follows ${JSON.stringify(this.position)}, not ${offset} of ${epoch}`
  }

  #update(): void {
    const [doubt] = this.#doubts.values()
    const place = this.position
    if (doubt !== undefined) this.#say('stale', doubt)
    else if (place?.epoch === this.#target?.epoch && (place?.offset ?? 0) < (this.#target?.offset ?? 0))
      this.#say('catching-up')
    else this.#say('live')
  }

  #say(state: StateKind, reason?: string): void {
    if (state === this.#state) return
    this.#state = state
    const { user, life, history } = this.#page
    const { listener } = this.#about
    history.add({ kind: 'state', user, life, listener, state, ...(reason !== undefined && { reason }) })
  }
}

/** As a query of the HTTP API names a room. */
export const queryOf = (room: Room): Record<string, string> =>
  isFeed(room)
    ? { feed: 'true' }
    : { group: room.group ?? '', ...(room.topic !== undefined && { topic: room.topic }) }
