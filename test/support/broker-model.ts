import type { Published } from '../../server/broker/broker.ts'
import type { History } from '../../server/broker/log-reading.ts'
import type { Notice } from '../../shared/notice.ts'
import type { Position } from '../../shared/position.ts'
import { conversationOf } from '../../shared/conversation.ts'
import type { Conversation } from '../../shared/conversation.ts'
import { nameOf, toRecalledAt } from '../../shared/message.ts'
import type { MessageName, RecalledAt } from '../../shared/message.ts'
import type { Recall } from '../../shared/recall.ts'
import { FEED, roomsOf } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'

const HOUR_MS = 3_600_000

interface Log {
  /** Notices published since the model started, oldest first; earlier ones are only counted. */
  readonly notices: Notice[]
  readonly before: number
  /** Notices up to this offset were dropped with their group. */
  droppedTo?: number
  epoch: string
}

/** The contract of the port in its simplest form: nothing is stored, broadcast or trimmed, only remembered. */
export class BrokerModel {
  readonly #historySize: number
  readonly #logs = new Map<string, Log>()
  readonly #recalled = new Map<string, number>()
  readonly #ends = new Map<string, number>()

  constructor(historySize: number) {
    this.#historySize = historySize
  }

  /** Starts from the current head of a room. */
  adopt(room: Room, { epoch, offset }: Position): void {
    this.#logs.set(keyOf(room), { notices: [], before: offset, epoch })
  }

  head(room: Room): Position {
    const { epoch, notices, before } = this.#log(room)
    return { epoch, offset: before + notices.length }
  }

  /** Returns the notices published to the room since the model started, with their offsets there. */
  notices(room: Room): readonly Notice[] {
    return this.#log(room).notices
  }

  publish(recall: Recall): Published {
    const messages = recall.messages.filter((message) => !this.#isRepeat(recall, nameOf(message)))
    if (messages.length === 0) return { duplicate: true, positions: [] }
    for (const message of messages)
      this.#recalled.set(messageKeyOf(recall, nameOf(message)), recall.recalledAtMs)
    const rooms = this.#isPast(recall, recall.recalledAtMs) ? [FEED] : roomsOf(recall)
    const positions = rooms.map((room) => {
      const position = { epoch: this.#log(room).epoch, offset: this.head(room).offset + 1 }
      this.#log(room).notices.push({ ...recall, messages, offset: position.offset })
      return { room, position }
    })
    return { duplicate: false, positions }
  }

  history(room: Room, since: Position, limit: number): History {
    const head = this.head(room)
    if (since.epoch !== head.epoch || since.offset > head.offset) return { gap: 'epoch-changed', head }
    const first = Math.max(head.offset - this.#historySize, this.#log(room).droppedTo ?? 0)
    if (since.offset < first) return { gap: 'trimmed', head }
    const after = this.#log(room).notices.filter(({ offset }) => offset > since.offset)
    return { notices: after.slice(0, limit), head }
  }

  recalled(conversation: Conversation, names: readonly MessageName[]): RecalledAt[] {
    return names.flatMap((name) => {
      const atMs = this.#recalled.get(messageKeyOf(conversation, name))
      return atMs === undefined || this.#isPast(conversation, atMs) ? [] : [toRecalledAt(name, atMs)]
    })
  }

  replaceEpoch(room: Room, epoch: string): void {
    this.#log(room).epoch = epoch
  }

  /** Ends a group. Returns its rooms, and whether there was anything to drop in their logs, which then get another epoch. */
  endGroup(group: string, atMs: number): Map<string, boolean> {
    if (this.#isPast({ group }, atMs)) return new Map()
    this.#ends.set(group, atMs)
    for (const [key, recalledAtMs] of this.#recalled)
      if ((JSON.parse(key) as [Conversation])[0].group === group && recalledAtMs <= atMs)
        this.#recalled.delete(key)
    const ended = [...this.#logs].filter(([key]) => (JSON.parse(key) as { group?: string }).group === group)
    return new Map(
      ended.map(([key, log]) => {
        const end = log.before + log.notices.length
        const hadNotices = end > (log.droppedTo ?? 0)
        log.droppedTo = end
        return [key, hadNotices]
      }),
    )
  }

  #isPast({ group }: Conversation, atMs: number): boolean {
    return group !== undefined && atMs <= (this.#ends.get(group) ?? -Infinity)
  }

  #isRepeat(recall: Recall, name: MessageName): boolean {
    const atMs = this.#recalled.get(messageKeyOf(recall, name))
    if (atMs === undefined) return false
    if (this.#isPast(recall, atMs) && !this.#isPast(recall, recall.recalledAtMs)) return false
    return recall.recalledAtMs - atMs < (recall.untimed ? HOUR_MS : 1)
  }

  #log(room: Room): Log {
    const log = this.#logs.get(keyOf(room))
    if (log === undefined) throw new Error(`room ${keyOf(room)} was not adopted`)
    return log
  }
}

export const keyOf = (room: Room): string => JSON.stringify(room)

const messageKeyOf = (conversation: Conversation, name: MessageName): string =>
  JSON.stringify([conversationOf(conversation), name])
