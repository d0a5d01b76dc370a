import type { Notice } from '../../shared/notice.ts'
import type { Position } from '../../shared/position.ts'
import type { Refused, Subscribed } from '../../shared/protocol.ts'

/** A client of one room that holds everything it is sent against the promises of the protocol. */
export class Ear {
  /** What broke a promise. Written down, because an error thrown in the node's face would be handled there. */
  readonly faults: string[] = []
  /** The last notice handled. */
  position: Position | undefined
  /** What was heard without a gap in between, by offset. */
  readonly heard = new Map<number, Notice>()
  isIn = false
  gaps = 0
  #announced: Position | undefined

  onAnswer(since: Position | undefined, answer: Subscribed | Refused): void {
    if (!answer.ok) {
      if (answer.code !== 'BROKER_UNAVAILABLE') this.faults.push(`refused with ${answer.code}`)
      return
    }
    const { position, recovered, gap } = answer
    this.position = { epoch: position.epoch, offset: position.offset - recovered }
    this.#announced = position
    if (gap !== undefined) this.gaps++
    if (since === undefined || gap !== undefined) {
      this.heard.clear()
      if (recovered > 0) this.faults.push(`recovered ${recovered} that nobody can have missed`)
    } else if (since.epoch !== position.epoch || since.offset !== this.position.offset) {
      this.faults.push(`asked since ${show(since)}, answered from ${show(this.position)}`)
    }
  }

  onJoin(): void {
    this.isIn = true
    // Beyond it when much was missed: the room went on while that was told.
    if ((this.#announced?.offset ?? Infinity) > (this.position?.offset ?? -1)) {
      this.faults.push(`was to stand at ${show(this.#announced)}, stands at ${show(this.position)}`)
    }
  }

  onNotices(epoch: string, notices: readonly Notice[]): void {
    for (const notice of notices) {
      const { offset } = notice
      if (epoch !== this.position?.epoch || offset !== this.position.offset + 1) {
        this.faults.push(`after ${show(this.position)} came ${show({ epoch, offset })}`)
      }
      this.position = { epoch, offset }
      this.heard.set(offset, notice)
    }
  }

  onGap(position: Position): void {
    this.gaps++
    this.position = position
    this.heard.clear()
  }
}

const show = (position: Position | undefined): string =>
  position === undefined ? 'nowhere' : `${position.epoch}:${position.offset}`
