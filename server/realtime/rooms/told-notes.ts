import { reasonOf } from '../../../shared/errors.ts'
import type { Notice } from '../../../shared/notice.ts'
import { roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import type { Broker } from '../../broker/broker.ts'
import type { ToldNote } from '../../broker/told.ts'
import { RecentMap } from '../../lib/recent-map.ts'
import type { Logger } from '../../telemetry/logger.ts'

const FLUSH_INTERVAL_MS = 1_000
/** Notes that wait to be stored: 2 MB. Further ones are lost. */
const MAX_WAITING = 20_000
/** Notes that are stored together. */
const MAX_PER_CALL = 2_000
/** Rooms of which it is known what is noted already. */
const MAX_ROOMS = 10_000
const LOSSES_PER_WARNING = 100_000

/** Called with notices that were written to a socket or stream just now. */
export type OnTold = (room: Room, epoch: string, notices: readonly Notice[]) => void

interface ToldNotesDependencies {
  readonly broker: Pick<Broker, 'noteTold'>
  /** How this node is called. */
  readonly node: () => string
  readonly log: Logger
}

/** What this process has noted of a room. */
interface Range {
  readonly epoch: string
  readonly from: number
  readonly to: number
}

/** Notes when this node told notices, once each, and stores the notes about once a second: evidence says when a recall was first told. */
export function createToldNotes({ broker, node, log }: ToldNotesDependencies) {
  let waiting: ToldNote[] = []
  let lost = 0
  let storing: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  const noted = new RecentMap<Range>(MAX_ROOMS)

  const onTold: OnTold = (room, epoch, notices) => {
    const [first, last] = [notices[0]?.offset, notices.at(-1)?.offset]
    if (first === undefined || last === undefined) return
    const name = roomName(room)
    const stored = noted.get(name)
    const known = stored?.epoch === epoch ? stored : undefined
    if (known && known.from <= first && last <= known.to) return
    // Not taken for noted: whoever is told again may be noted then.
    if (waiting.length + notices.length > MAX_WAITING) {
      lose(notices.length)
      return
    }
    const atMs = Date.now()
    for (const { offset, receivedAtMs } of notices) {
      if (known && known.from <= offset && offset <= known.to) continue
      waiting.push({ room, offset, receivedAtMs, atMs, node: node() })
    }
    noted.set(
      name,
      known ? joined(known, { epoch, from: first, to: last }) : { epoch, from: first, to: last },
    )
    timer ??= setTimeout(() => void store(), FLUSH_INTERVAL_MS).unref()
  }

  function lose(count: number): void {
    if (lost % LOSSES_PER_WARNING === 0) log.warn('notes of when notices were told are lost')
    lost += count
  }

  async function storeAll(): Promise<void> {
    timer = undefined
    while (waiting.length > 0) {
      const notes = waiting.slice(0, MAX_PER_CALL)
      try {
        await broker.noteTold(notes)
      } catch (error) {
        log.debug({ reason: reasonOf(error) }, 'notes of when notices were told are not stored yet')
        return
      }
      waiting = waiting.slice(notes.length)
    }
  }

  const store = (): Promise<void> =>
    (storing ??= storeAll().finally(() => {
      storing = undefined
      if (waiting.length > 0) timer ??= setTimeout(() => void store(), FLUSH_INTERVAL_MS).unref()
    }))

  return {
    onTold,
    /** Stores what waits, if that is possible now. */
    async stop(): Promise<void> {
      await storing
      await store()
      clearTimeout(timer)
    },
  }
}

/** Returns both, or the later one if there is something between them. */
function joined(one: Range, other: Range): Range {
  if (other.from > one.to + 1) return other
  if (one.from > other.to + 1) return one
  return { ...one, from: Math.min(one.from, other.from), to: Math.max(one.to, other.to) }
}
