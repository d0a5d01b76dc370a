import { useEffect, useState } from 'preact/hooks'
import { roomName, roomsOf } from '../../../shared/room.ts'
import type { Api } from '../state/api.ts'
import { asRefusal, Failure, RoomLabel } from '../ui/labels.tsx'
import { useLocale } from '../i18n/i18n.ts'
import type { NoticeRow } from '../state/feed.ts'
import type { MemberNotice, Notice } from '../../../shared/notice.ts'
import type { Room } from '../../../shared/room.ts'

interface PathProps {
  readonly row: NoticeRow
  readonly api: Api
}

/** The way of a recall, as far as it is known: when it happened, was received and kept, and in which rooms it was told. */
export function DeliveryPath({ row, api }: PathProps) {
  const { t, dateTime } = useLocale()
  const { notice, seenAtMs } = row
  const receivedAtMs = 'receivedAtMs' in notice ? notice.receivedAtMs : undefined
  const isUntimed = 'untimed' in notice
  return (
    <ol class="path">
      <li>
        <b>{t.details.recalled}</b>
        <span>{isUntimed ? t.details.untimed : dateTime(notice.recalledAtMs)}</span>
      </li>
      {receivedAtMs !== undefined && (
        <li>
          <b>{t.details.received}</b>
          <span>{dateTime(receivedAtMs)}</span>
        </li>
      )}
      <li>
        <b>{t.details.kept}</b>
        <span>{t.details.keptWhy}</span>
      </li>
      <Stops row={row} api={api} />
      <li>
        <b>{t.details.here}</b>
        <span>{seenAtMs === undefined ? t.details.fromLog : dateTime(seenAtMs)}</span>
      </li>
    </ol>
  )
}

function Stops({ row, api }: PathProps) {
  const { t } = useLocale()
  const [stops, setStops] = useState<readonly Stop[]>()
  const [error, setError] = useState<unknown>()
  useEffect(() => {
    findStops(api, row).then(setStops, setError)
  }, [])
  if (error !== undefined)
    return (
      <li>
        <Failure refusal={asRefusal(error)} />
      </li>
    )
  if (stops === undefined) return <li class="loading">{t.loading}</li>
  return (
    <>
      {stops.map((stop) => (
        <li key={roomName(stop.room)} class="stop">
          <b>
            <RoomLabel room={stop.room} />
          </b>
          <span>
            {stop.offset === undefined ? t.details.noOffset : t.details.offset(stop.offset)}
            {stop.sockets !== undefined && ` · ${t.details.listening(stop.sockets)}`}
          </span>
        </li>
      ))}
    </>
  )
}

/** More recalls than these are not received in one millisecond. */
const MAX_RECALLS_PER_MS = 50

/** A room that a recall went to. */
interface Stop {
  readonly room: Room
  /** Its number in the log; undefined when the log holds it no more. */
  readonly offset: number | undefined
  /** How many listen there now, on the node that was asked; for admins. */
  readonly sockets?: number
}

/** In which rooms a recall was told. Of a member's notice only the room is known in which it was seen. */
function findStops(api: Api, { room, notice }: NoticeRow): Promise<readonly Stop[]> {
  if (!('receivedAtMs' in notice)) return Promise.resolve([{ room, offset: notice.offset }])
  return Promise.all(roomsOf(notice).map((one) => findStop(api, one, notice)))
}

async function findStop(api: Api, room: Room, notice: Notice): Promise<Stop> {
  const query = { receivedSinceMs: notice.receivedAtMs, limit: MAX_RECALLS_PER_MS }
  const [{ notices }, { sockets }] = await Promise.all([api.notices(room, query), api.position(room)])
  const found = notices.find((one) => isSame(one, notice))
  return { room, offset: found?.offset, ...(sockets !== undefined && { sockets }) }
}

/** One recall has other offsets in other rooms, and all else the same. */
const isSame = (one: Notice | MemberNotice, other: Notice): boolean =>
  'receivedAtMs' in one &&
  one.receivedAtMs === other.receivedAtMs &&
  one.group === other.group &&
  one.topic === other.topic &&
  one.messages[0]?.seq === other.messages[0]?.seq
