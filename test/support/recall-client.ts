import { createRecallClient } from '../../shared/client.ts'
import type {
  ClientEvents,
  ConnectionOptions,
  NoticeListener,
  Position,
  PositionStore,
  RecallClient,
  Room,
} from '../../shared/client.ts'
import { adminToken } from './client.ts'
import { waitUntil } from './wait.ts'
import { seqsOf } from './seqs.ts'

/** Opens a client of an admin. */
export const openClient = (url: string, options: Omit<ConnectionOptions, 'url'> = {}): RecallClient =>
  createRecallClient({ url, getToken: adminToken, ...options })

/** Records the events of one name. */
export function eventsOf<Name extends keyof ClientEvents>(client: RecallClient, name: Name) {
  const emitted: ClientEvents[Name][] = []
  client.on(name, (value) => emitted.push(value))
  return emitted
}

export const isLive = (client: RecallClient) => waitUntil('it is live', () => client.state.kind === 'live')

/** A listener that records the seq of each notice. */
export function recorder() {
  const seqs: number[] = []
  const listener: NoticeListener<Room> = ({ messages }) => void seqs.push(...seqsOf(messages))
  return { seqs, listener, has: (count: number) => waitUntil(`${count} notices`, () => seqs.length >= count) }
}

/** A listener that records each notice, and finishes it only when it is told to. */
export function held() {
  const { seqs, listener } = recorder()
  const waiting: (() => void)[] = []
  return {
    seqs,
    listener: ((notice) => {
      listener(notice)
      return new Promise<void>((resolve) => waiting.push(resolve))
    }) as NoticeListener<Room>,
    isCalled: (count = 1) => waitUntil(`it is called ${count} times`, () => seqs.length >= count),
    finish(): void {
      for (const resolve of waiting.splice(0)) resolve()
    },
  }
}

/** A store of one room that records what is saved. Each call returns a store object of its own. */
export function recordingStore(first?: unknown) {
  const stored: unknown[] = first === undefined ? [] : [first]
  const open = (): PositionStore => ({
    load: () => stored.at(-1) as Position | undefined,
    save: (_, position) => void stored.push(position),
  })
  const offset = (): number => (stored.at(-1) as Position | undefined)?.offset ?? -1
  return {
    stored,
    open,
    offset,
    has: (expected: number) => waitUntil(`${expected} is stored`, () => offset() === expected),
  }
}
