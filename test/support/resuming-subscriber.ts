import { setTimeout as delay } from 'node:timers/promises'
import type { Position } from '../../shared/position.ts'
import type { Goodbye, NoticeBatch } from '../../shared/protocol.ts'
import { openRawSocket } from '../bench/raw-socket.ts'
import { seqsOf } from './seqs.ts'

/** Who is refused comes again this soon, at random. */
const RETRY_WITHIN_MS = 1_000

interface Subscription {
  readonly port: number
  readonly group: string
  readonly token: string
}

/** A time in which a subscriber was not subscribed. */
interface Absence {
  /** What the goodbye before it announced, in ms. Undefined if there was none. */
  readonly announcedMs: number | undefined
  /** By `performance.now()`. */
  readonly fromMs: number
  readonly toMs: number
  /** How often it was refused meanwhile. */
  readonly refusals: number
}

export interface ResumingSubscriber {
  readonly group: string
  readonly seqs: readonly number[]
  readonly absences: readonly Absence[]
  /** Gaps that it was told. */
  readonly gaps: () => number
  readonly isSubscribed: () => boolean
  readonly close: () => void
}

/** The frames of a room are the same for all its sockets, so the latest one is parsed once. */
let parsedText = ''
let parsed: readonly [name: string, value: unknown] = ['', undefined]
function parse(text: string): typeof parsed {
  if (text !== parsedText) [parsedText, parsed] = [text, JSON.parse(text) as typeof parsed]
  return parsed
}

/**
 * A client that follows PROTOCOL.md, at a fraction of the cost of a real one: it resumes from its position wherever the port leads,
 * when the goodbye said, and at once if there was none. Resolves once it is subscribed.
 */
export async function openResumingSubscriber(options: Subscription): Promise<ResumingSubscriber> {
  const { port, group, token } = options
  const seqs: number[] = []
  const absences: Absence[] = []
  let gaps = 0
  let since: Position | undefined
  let goodbye: Goodbye | undefined
  let isSubscribed = false
  let isOver = false
  let drop = (): void => undefined

  function onEvent(bytes: Buffer, start: number, end: number): void {
    const [name, value] = parse(bytes.toString('utf8', start + 1, end))
    if (name === 'goodbye') goodbye = value as Goodbye
    if (name === 'gap') gaps++
    if (name !== 'messages-recalled') return
    const { epoch, notices } = value as NoticeBatch
    for (const { offset, messages } of notices) {
      since = { epoch, offset }
      seqs.push(...seqsOf(messages))
    }
  }

  async function subscribe(): Promise<void> {
    const requests = [{ group, ...(since && { since }) }]
    const onClosed = (): void => void (isSubscribed && !isOver && comeBack())
    const { socket, acks } = await openRawSocket({ port, token, requests, atOnce: true, onEvent, onClosed })
    drop = socket.drop
    since ??= acks[0]?.position
    if (acks[0]?.gap !== undefined) gaps++
    isSubscribed = true
  }

  async function comeBack(): Promise<void> {
    isSubscribed = false
    const fromMs = performance.now()
    const announcedMs = goodbye?.retryInMs
    goodbye = undefined
    await delay(announcedMs ?? 0)
    for (let refusals = 0; !isOver; refusals++) {
      const isBack = await subscribe().then(
        () => true,
        () => false,
      )
      if (isBack) return void absences.push({ announcedMs, fromMs, toMs: performance.now(), refusals })
      await delay(Math.random() * RETRY_WITHIN_MS)
    }
  }

  await subscribe()
  return {
    group,
    seqs,
    absences,
    gaps: () => gaps,
    isSubscribed: () => isSubscribed,
    close() {
      isOver = true
      drop()
    },
  }
}
