import { isFeed } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { useLocale } from '../i18n/i18n.ts'
import { address } from '../state/address.ts'
import { messageText } from '../state/copied.ts'
import { conversationText, kindOf } from '../state/conversations.ts'
import type { NoticeRow } from '../state/feed.ts'
import { latestOf } from '../state/room-rows.ts'
import type { WatchedRoom } from '../state/watched-room.ts'
import { Pair } from '../ui/conversation.tsx'
import { Icon } from '../ui/icon.tsx'
import { Failure, InterruptionText, LateMark, TestMark, Timestamp } from '../ui/labels.tsx'
import { Name } from '../ui/name.tsx'
import { RoomPresenceLink } from './presence-links.tsx'

const MAX_SHOWN_SEQS = 10

interface RoomCardProps {
  readonly watched: WatchedRoom
  readonly onUnwatch: () => void
}

export function RoomCard({ watched, onUnwatch }: RoomCardProps) {
  const { t } = useLocale()
  const { room, refusal } = watched
  const state = refusal === undefined ? watched.state.kind : 'refused'
  return (
    <li class={`card room ${state}`}>
      <header>
        <RoomTitle room={room} />
        <span class={`dot ${state}`}>{t.states[state][0]}</span>
        <button
          type="button"
          class="plain"
          aria-label={t.rooms.unwatch(roomText(room))}
          title={t.rooms.unwatch(roomText(room))}
          onClick={onUnwatch}
        >
          <Icon name="close" />
        </button>
      </header>
      {refusal !== undefined && <Failure refusal={refusal} />}
      {refusal === undefined && <Figures watched={watched} />}
      {watched.failure !== undefined && <Failure refusal={watched.failure} />}
      {watched.gaps > 0 && <Gaps watched={watched} />}
      {refusal === undefined && <LatestRecalls watched={watched} />}
    </li>
  )
}

export function RoomTitle({ room }: { readonly room: Room }) {
  const { t } = useLocale()
  if (isFeed(room)) return <h2>{t.rooms.feed}</h2>
  const { group, topic, c2c, official } = room
  return (
    <h2>
      {c2c === undefined ? <Name text={topic ?? group ?? official ?? ''} /> : <Pair c2c={c2c} />}
      <small>
        {topic === undefined ? (
          t.rooms.scopes[kindOf(room)]
        ) : (
          <>
            {t.rooms.topicOf} <Name text={group ?? ''} />
          </>
        )}
      </small>
    </h2>
  )
}

function Figures({ watched }: { readonly watched: WatchedRoom }) {
  const { t, number } = useLocale()
  const position = watched.position
  return (
    <dl class="figures">
      <div title={position && `${t.rooms.epoch} ${position.epoch}`}>
        <dt>{t.rooms.position}</dt>
        <dd>{position === undefined ? '–' : number(position.offset)}</dd>
      </div>
      <div>
        <dt>{t.rooms.recovered}</dt>
        <dd>{number(watched.recovered)}</dd>
      </div>
      <div class={watched.gaps > 0 ? 'bad' : ''}>
        <dt>{t.rooms.gaps}</dt>
        <dd>{number(watched.gaps)}</dd>
      </div>
    </dl>
  )
}

function Gaps({ watched: { lastGap } }: { readonly watched: WatchedRoom }) {
  const { t } = useLocale()
  if (lastGap === undefined) return null
  return (
    <p class="gap-note" role="alert">
      <Icon name="warning" />
      <span>
        <strong>{t.events.gap}</strong> {t.gapReasons[lastGap.reason]} · <Timestamp atMs={lastGap.atMs} />
      </span>
    </p>
  )
}

function LatestRecalls({ watched }: { readonly watched: WatchedRoom }) {
  const { t } = useLocale()
  const latest = latestOf(watched.rows)
  return (
    <>
      <h3>{t.rooms.latest}</h3>
      {latest.length === 0 && <p class="hint">{t.rooms.none}</p>}
      <ol class="latest">
        {latest.map(({ key, row }) =>
          row.kind === 'notice' ? (
            <LatestRecall key={key} row={row} />
          ) : (
            <li key={key} class="remark">
              <span>
                {row.kind === 'gap' ? t.events.gap : <InterruptionText interruption={row.interruption} />}
              </span>
            </li>
          ),
        )}
      </ol>
      <p>
        <a href={address.hrefOf('rooms', { room: watched.room })}>{t.act.rooms.all}</a>
        {!isFeed(watched.room) && (
          <>
            {' · '}
            <RoomPresenceLink room={watched.room} />
          </>
        )}
      </p>
    </>
  )
}

function LatestRecall({ row: { notice, lateMs } }: { readonly row: NoticeRow }) {
  return (
    <li>
      <Timestamp atMs={notice.recalledAtMs} untimed={'untimed' in notice} />
      <span class="seqs">
        <TestMark notice={notice} />
        {lateMs !== undefined && <LateMark notice={notice} lateMs={lateMs} />}
        {notice.messages.slice(0, MAX_SHOWN_SEQS).map(messageText).join(', ')}
        {notice.messages.length > MAX_SHOWN_SEQS && ' …'}
      </span>
      {'operator' in notice && <Name text={notice.operator ?? ''} />}
    </li>
  )
}

/** The room as plain text, for labels. */
export const roomText = (room: Room): string => (isFeed(room) ? '' : conversationText(room))
