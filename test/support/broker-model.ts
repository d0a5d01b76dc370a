import type { History, Published } from '../../server/broker/broker.ts'
import type { Notice } from '../../shared/notice.ts'
import type { Position } from '../../shared/position.ts'
import type { Conversation, Recall, RecalledAt } from '../../shared/recall.ts'
import { roomsOf } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'

const HOUR_MS = 3_600_000

interface Log {
  /** Of this life of the log, oldest first; what stood there before the model began is only counted. */
  readonly notices: Notice[]
  readonly before: number
  epoch: string
}

/** What the comments of the port say, in the simplest words: nothing is stored, spread or trimmed, only remembered. */
export class BrokerModel {
  readonly #historySize: number
  readonly #logs = new Map<string, Log>()
  readonly #recalled = new Map<string, number>()

  constructor(historySize: number) {
    this.#historySize = historySize
  }

  /** Takes over where a room stands. */
  adopt(room: Room, { epoch, offset }: Position): void {
    this.#logs.set(keyOf(room), { notices: [], before: offset, epoch })
  }

  top(room: Room): Position {
    const { epoch, notices, before } = this.#log(room)
    return { epoch, offset: before + notices.length }
  }

  /** What was published to the room since the model began, under the offsets that it had there. */
  notices(room: Room): readonly Notice[] {
    return this.#log(room).notices
  }

  publish(recall: Recall): Published {
    const messages = recall.messages.filter(({ seq }) => !this.#isRepeat(recall, seq))
    if (messages.length === 0) return { duplicate: true, positions: [] }
    for (const { seq } of messages) this.#recalled.set(seqKeyOf(recall, seq), recall.recalledAtMs)
    const positions = roomsOf(recall).map((room) => {
      const position = { epoch: this.#log(room).epoch, offset: this.top(room).offset + 1 }
      this.#log(room).notices.push({ ...recall, messages, offset: position.offset })
      return { room, position }
    })
    return { duplicate: false, positions }
  }

  history(room: Room, since: Position, limit: number): History {
    const top = this.top(room)
    if (since.epoch !== top.epoch || since.offset > top.offset) return { gap: 'epoch-changed', head: top }
    if (since.offset < top.offset - this.#historySize) return { gap: 'trimmed', head: top }
    const after = this.#log(room).notices.filter(({ offset }) => offset > since.offset)
    return { notices: after.slice(0, limit), head: top }
  }

  recalled(conversation: Conversation, seqs: readonly number[]): RecalledAt[] {
    return seqs.flatMap((seq) => {
      const atMs = this.#recalled.get(seqKeyOf(conversation, seq))
      return atMs === undefined ? [] : [{ seq, atMs }]
    })
  }

  renew(room: Room, newEpoch: string): void {
    this.#log(room).epoch = newEpoch
  }

  #isRepeat(recall: Recall, seq: number): boolean {
    const atMs = this.#recalled.get(seqKeyOf(recall, seq))
    if (atMs === undefined) return false
    return recall.untimed ? recall.recalledAtMs - atMs < HOUR_MS : recall.recalledAtMs === atMs
  }

  #log(room: Room): Log {
    const log = this.#logs.get(keyOf(room))
    if (log === undefined) throw new Error(`the model knows no room ${keyOf(room)}`)
    return log
  }
}

const keyOf = (room: Room): string => JSON.stringify(room)

const seqKeyOf = ({ group, topic }: Conversation, seq: number): string => JSON.stringify([group, topic, seq])
