import type { NoticeListener, RecallClient, State, Subscription } from '../../../shared/client.ts'
import type { Position } from '../../../shared/position.ts'
import { roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { asApiError } from './api.ts'
import type { Api } from './api.ts'

/** How long to wait before reading a log again after a failure. */
const READ_RETRY_MS = 2_000

const CONNECTED = ['live', 'loading', 'catching-up', 'stale']

export interface Followed {
  readonly state: State
  readonly position: Position | undefined
  leave(): void
}

interface FollowOptions {
  readonly client: RecallClient
  readonly api: Api
  readonly room: Room
  readonly onNotice: NoticeListener
  readonly load: (position: Position) => Promise<void>
  readonly onChange: () => void
}

/** Loads the room, then follows it from there; loads it again after a gap, as often as it takes. */
export function follow({ client, api, room, onNotice, load, onChange }: FollowOptions): Followed {
  let subscription: Subscription | undefined
  let isLoading = false
  let loadingSinceMs = Date.now()
  let isLeft = false
  let owed: Position | undefined
  const isConnected = (): boolean => CONNECTED.includes(client.state.kind)

  async function proceed(): Promise<void> {
    if (isLeft || isLoading || !isConnected() || (subscription !== undefined && owed === undefined)) return
    isLoading = true
    try {
      const position = owed ?? (await api.position(room)).position
      await load(position)
      if (owed === position) owed = undefined
      if (!isLeft) subscription ??= client.subscribe(room, onNotice, { since: position })
    } catch (error) {
      const { isTransient } = asApiError(error)
      // On a final refusal, the subscription reports why.
      if (!isTransient && isConnected() && !isLeft) subscription ??= client.subscribe(room, onNotice)
      setTimeout(() => void proceed(), READ_RETRY_MS)
    }
    isLoading = false
    onChange()
    if (owed !== undefined) setTimeout(() => void proceed(), READ_RETRY_MS)
  }

  const stops = [
    client.on('state', () => void proceed()),
    client.on('gap', (gap) => {
      if (roomName(gap.room) !== roomName(room)) return
      if (owed === undefined) loadingSinceMs = Date.now()
      owed = gap.position
      void proceed()
    }),
  ]
  void proceed()

  return {
    get state(): State {
      if (!isConnected()) return client.state
      if (owed !== undefined || subscription === undefined) return { kind: 'loading', since: loadingSinceMs }
      return subscription.state
    },
    get position() {
      return subscription?.position
    },
    leave() {
      isLeft = true
      for (const stop of stops) stop()
      subscription?.leave()
    },
  }
}
