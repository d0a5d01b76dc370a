import { useEffect, useState } from 'preact/hooks'
import { roomName } from '../../../shared/room.ts'
import type { Api } from '../state/api.ts'
import { asRefusal, Failure } from '../ui/failure.tsx'
import { useSpeech } from '../i18n/i18n.ts'
import type { NoticeRow } from '../state/row.ts'
import { RoomLabel } from '../ui/room-label.tsx'
import { findStops } from './find-stops.ts'
import type { Stop } from './find-stops.ts'

interface PathProps {
  readonly row: NoticeRow
  readonly api: Api
}

/** The way of a recall, as far as it is known: when it happened, was received and kept, and in which rooms it was told. */
export function Path({ row, api }: PathProps) {
  const { words, time } = useSpeech()
  const { notice, seenAtMs } = row
  const receivedAtMs = 'receivedAtMs' in notice ? notice.receivedAtMs : undefined
  const isUntimed = 'untimed' in notice
  return (
    <ol class="path">
      <li>
        <b>{words.details.recalled}</b>
        <span>{isUntimed ? words.details.untimed : time(notice.recalledAtMs)}</span>
      </li>
      {receivedAtMs !== undefined && (
        <li>
          <b>{words.details.received}</b>
          <span>{time(receivedAtMs)}</span>
        </li>
      )}
      <li>
        <b>{words.details.kept}</b>
        <span>{words.details.keptWhy}</span>
      </li>
      <Stops row={row} api={api} />
      <li>
        <b>{words.details.here}</b>
        <span>{seenAtMs === undefined ? words.details.fromLog : time(seenAtMs)}</span>
      </li>
    </ol>
  )
}

function Stops({ row, api }: PathProps) {
  const { words } = useSpeech()
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
  if (stops === undefined) return <li class="loading">{words.loading}</li>
  return (
    <>
      {stops.map((stop) => (
        <li key={roomName(stop.room)} class="stop">
          <b>
            <RoomLabel room={stop.room} />
          </b>
          <span>
            {stop.offset === undefined ? words.details.noOffset : words.details.offset(stop.offset)}
            {stop.sockets !== undefined && ` · ${words.details.listening(stop.sockets)}`}
          </span>
        </li>
      ))}
    </>
  )
}
