import type { Room } from '../../shared/room.ts'
import { RoomChips } from './room-chips.tsx'
import { RoomForm } from './room-form.tsx'
import { ROWS_AT_MOST } from './row-list.ts'
import type { RowList } from './row-list.ts'
import { RowItem } from './row-item.tsx'
import { StateBadge } from './state-badge.tsx'
import { TokenForm } from './token-form.tsx'
import type { State, WatchedRoom } from './watching.ts'

interface AppProps {
  readonly state: State | { readonly kind: 'no-token' }
  readonly rooms: readonly WatchedRoom[]
  readonly list: RowList
  readonly onToken: (token: string) => void
  readonly onForget: () => void
  readonly onWatch: (room: Room) => void
  readonly onUnwatch: (room: Room) => void
}

export function App({ state, rooms, list, onToken, onForget, onWatch, onUnwatch }: AppProps) {
  const hasToken = state.kind !== 'no-token'
  return (
    <>
      <header>
        <h1>Recall gateway</h1>
        <StateBadge state={state} />
        {hasToken && (
          <button type="button" class="quiet" onClick={onForget}>
            Forget token
          </button>
        )}
      </header>
      <main>
        {(!hasToken || state.kind === 'refused') && <TokenForm onToken={onToken} />}
        {hasToken && (
          <section aria-labelledby="rooms">
            <h2 id="rooms">Watched rooms</h2>
            <RoomChips rooms={rooms} onUnwatch={onUnwatch} />
            <RoomForm onWatch={onWatch} />
          </section>
        )}
        {hasToken && <NoticeSection list={list} />}
      </main>
    </>
  )
}

function NoticeSection({ list: { rows, cut } }: { readonly list: RowList }) {
  return (
    <section aria-labelledby="notices">
      <h2 id="notices">Recalled messages</h2>
      {rows.length === 0 ? (
        <p class="empty">Nothing yet. Recalls show up here as they happen, while this page is open.</p>
      ) : (
        <ol class="rows">
          {rows.map(({ key, row }) => (
            <RowItem key={key} row={row} />
          ))}
        </ol>
      )}
      <footer>
        {cut
          ? `Only the latest ${ROWS_AT_MOST.toLocaleString()} rows are kept: older ones were cut.`
          : 'The latest to arrive comes first. Times are those of this device.'}
      </footer>
    </section>
  )
}
