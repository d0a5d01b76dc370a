import type { Notice } from '../../shared/notice.ts'
import type { Position } from '../../shared/position.ts'
import type { Refused, Subscribed } from '../../shared/protocol.ts'

/** A client of one room that checks everything it receives against the promises of the protocol. */
export class RoomObserver {
  /** Broken promises. Recorded, because the node would handle an error thrown into it. */
  readonly faults: string[] = []
  /** The last notice handled. */
  position: Position | undefined
  /** The notices received since the last gap, by offset. */
  readonly received = new Map<number, Notice>()
  isJoined = false
  gaps = 0
  #acknowledged: Position | undefined

  onAck(since: Position | undefined, response: Subscribed | Refused): void {
    if (!response.ok) {
      if (response.code !== 'BROKER_UNAVAILABLE') this.faults.push(`refused with ${response.code}`)
      return
    }
    const { position, recovered, gap } = response
    this.position = { epoch: position.epoch, offset: position.offset - recovered }
    this.#acknowledged = position
    if (gap !== undefined) this.gaps++
    if (since === undefined || gap !== undefined) {
      this.received.clear()
      if (recovered > 0) this.faults.push(`recovered ${recovered} that it cannot have missed`)
    } else if (since.epoch !== position.epoch || since.offset !== this.position.offset) {
      this.faults.push(`subscribed since ${show(since)}, resumed from ${show(this.position)}`)
    }
  }

  onJoin(): void {
    this.isJoined = true
    // Beyond the acknowledged position when much was missed: the room moved on during the replay.
    if ((this.#acknowledged?.offset ?? Infinity) > (this.position?.offset ?? -1)) {
      this.faults.push(`should be at ${show(this.#acknowledged)}, is at ${show(this.position)}`)
    }
  }

  onLeave(): void {
    this.isJoined = false
  }

  onNotices(epoch: string, notices: readonly Notice[]): void {
    for (const notice of notices) {
      const { offset } = notice
      if (epoch !== this.position?.epoch || offset !== this.position.offset + 1) {
        this.faults.push(`${show({ epoch, offset })} arrived after ${show(this.position)}`)
      }
      this.position = { epoch, offset }
      this.received.set(offset, notice)
    }
  }

  onGap(position: Position): void {
    this.gaps++
    this.position = position
    this.received.clear()
  }
}

const show = (position: Position | undefined): string =>
  position === undefined ? 'no position' : `${position.epoch}:${position.offset}`
