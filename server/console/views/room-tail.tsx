import { useEffect, useState } from 'preact/hooks'
import { roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { useLocale } from '../i18n/i18n.ts'
import { RecallList } from '../list/recall-list.tsx'
import { address } from '../state/address.ts'
import { asApiError } from '../state/api.ts'
import type { ApiError } from '../state/api.ts'
import { MAX_ROOM_ROWS } from '../state/room-rows.ts'
import type { Store } from '../state/store.ts'
import type { WatchedRoom } from '../state/watched-room.ts'
import { Failure } from '../ui/labels.tsx'
import { ListWithDetails } from './details.tsx'
import { EvidenceMenu } from './evidence.tsx'
import { OpenFailure } from './open-failure.tsx'
import { RoomTitle, roomText } from './room-card.tsx'
import { useOpenRecall } from './use-open-recall.ts'

interface RoomTailProps {
  readonly store: Store
  readonly room: Room
}

/** All rows of one room, as they happen. A room that is not watched is followed for as long as it is shown here. */
export function RoomTail({ store, room }: RoomTailProps) {
  const { t } = useLocale()
  const { watchedRooms, api } = store
  const [isStaying] = useState(() => watchedRooms.find(room) !== undefined)
  useEffect(() => {
    watchedRooms.watch(room)
    return () => {
      if (!isStaying && !store.isSaved(room)) watchedRooms.unwatch(room)
    }
  }, [])
  const watched = watchedRooms.find(room)
  const { open, failure, onOpen, onClose, onRetry } = useOpenRecall(api, watched?.rows ?? [])
  return (
    <ListWithDetails open={open} api={api} onClose={onClose} class="room-tail" aria-label={roomText(room)}>
      <div class="tools">
        <a href={address.hrefOf('rooms', {})}>{t.act.rooms.back}</a>
        <RoomTitle room={room} />
        {watched !== undefined && <StateDot watched={watched} />}
        {store.isAdmin && <EvidenceMenu room={room} q="" />}
        {!store.isSaved(room) && (
          <button type="button" class="quiet small" onClick={() => store.watch(room)}>
            {t.rooms.watch}
          </button>
        )}
      </div>
      <div class="list-notes">
        {watched?.refusal !== undefined && <Failure refusal={watched.refusal} />}
        {watched?.failure !== undefined && <Failure refusal={watched.failure} />}
        <OpenFailure failure={failure} onRetry={onRetry} onClose={onClose} />
      </div>
      <RecallList
        rows={watched?.rows ?? []}
        label={roomText(room)}
        subject={roomName(room)}
        empty={t.rooms.none}
        open={open}
        onOpen={onOpen}
        onClose={onClose}
      />
      {watched !== undefined && <Footer watched={watched} />}
    </ListWithDetails>
  )
}

function StateDot({ watched }: { readonly watched: WatchedRoom }) {
  const { t } = useLocale()
  const state = watched.refusal === undefined ? watched.state.kind : 'refused'
  return (
    <span class={`dot ${state}`} role="status">
      {t.states[state][0]}
    </span>
  )
}

/** How many rows there are, and what is before them. */
function Footer({ watched }: { readonly watched: WatchedRoom }) {
  const { t } = useLocale()
  const [isReading, setReading] = useState(false)
  const [failure, setFailure] = useState<ApiError>()
  const recalls = watched.rows.filter(({ row }) => row.kind === 'notice').length
  const onOlder = (): void => {
    setReading(true)
    setFailure(undefined)
    watched
      .readOlder()
      .catch((error: unknown) => setFailure(asApiError(error)))
      .finally(() => setReading(false))
  }
  return (
    <p class="list-footer">
      <span>{t.recallCount(recalls)}</span>
      {watched.hasOlder && watched.isFull && <span>{t.act.rooms.full(MAX_ROOM_ROWS)}</span>}
      {watched.hasOlder && !watched.isFull && (
        <button type="button" class="quiet" disabled={isReading} onClick={onOlder}>
          {t.history.older}
        </button>
      )}
      {!watched.hasOlder && <span>{t.act.rooms.noOlder}</span>}
      {failure !== undefined && <Failure refusal={failure} />}
    </p>
  )
}
