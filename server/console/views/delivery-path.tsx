import { useEffect, useState } from 'preact/hooks'
import type { DeliveryResponse } from '../../../shared/http-api/delivery.ts'
import type { MemberNotice, Notice } from '../../../shared/notice.ts'
import { roomName, roomsOf } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import type { Messages } from '../i18n/en.ts'
import { useLocale } from '../i18n/i18n.ts'
import type { Api } from '../state/api.ts'
import { identityOf } from '../state/conversations.ts'
import type { NoticeRow } from '../state/feed.ts'
import type { Store } from '../state/store.ts'
import { traceIdOf } from '../state/trace.ts'
import { RoomLabel } from '../ui/conversation.tsx'
import { Copyable } from '../ui/copy.tsx'
import { asRefusal, Failure, lateText } from '../ui/labels.tsx'
import { Name } from '../ui/name.tsx'
import { useStore } from '../ui/store-context.ts'

interface DeliveryPathProps {
  readonly row: NoticeRow
  readonly api: Api
}

/** A recall's path, as far as it is known: when it happened, was received and stored, and which rooms it was sent to. */
export function DeliveryPath({ row, api }: DeliveryPathProps) {
  const { t, preciseTime } = useLocale()
  const { notice, seenAtMs, lateMs } = row
  const receivedAtMs = 'receivedAtMs' in notice ? notice.receivedAtMs : undefined
  const isUntimed = 'untimed' in notice
  const traceId = traceIdOf(notice)
  return (
    <ol class="path">
      <li>
        <b>{t.details.recalled}</b>
        <span>{isUntimed ? t.details.noTime : preciseTime(notice.recalledAtMs)}</span>
      </li>
      {receivedAtMs !== undefined && (
        <li>
          <b>{t.details.received}</b>
          <span>
            {preciseTime(receivedAtMs)}
            {!isUntimed && <> · {t.act.path.after(receivedAtMs - notice.recalledAtMs)}</>}
          </span>
        </li>
      )}
      {traceId !== undefined && (
        <li>
          <b>{t.act.path.trace}</b>
          <Copyable text={traceId} what={t.act.path.trace}>
            <code>{traceId}</code>
          </Copyable>
        </li>
      )}
      <li>
        <b>{t.details.stored}</b>
        <span>{t.details.storedNote}</span>
      </li>
      <RoomStops row={row} api={api} />
      <li>
        <b>{t.details.shownHere}</b>
        <span>
          {seenAtMs === undefined ? t.details.fromLog : preciseTime(api.clock.fromViewer(seenAtMs))}
        </span>
        {lateMs !== undefined && <span class="late">{lateText(t, notice, lateMs)}</span>}
      </li>
    </ol>
  )
}

function RoomStops({ row, api }: DeliveryPathProps) {
  const { t } = useLocale()
  const nodes = servingNodes(useStore())
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
            {stop.sockets !== undefined && ` · ${listening(t, stop.sockets, nodes)}`}
          </span>
          {stop.delivery !== undefined && <DeliveryTimes delivery={stop.delivery} />}
        </li>
      ))}
    </>
  )
}

/** When the log kept the recall, and when a node first told somebody. */
function DeliveryTimes({ delivery: { keptAtMs, firstTold } }: { readonly delivery: DeliveryResponse }) {
  const { t, preciseTime } = useLocale()
  const { path } = t.act
  return (
    <>
      {keptAtMs !== null && <span>{path.kept(preciseTime(keptAtMs))}</span>}
      {firstTold !== null && (
        <span>
          {path.firstTold(preciseTime(firstTold.atMs))} <Name text={firstTold.node} />
        </span>
      )}
    </>
  )
}

/** How many processes serve sockets; undefined if that is not known: not all may report, or not so that they can be read. */
const servingNodes = ({ health }: Store): number | undefined =>
  health?.status?.complete === true &&
  !health.status.problems.some(({ code }) => code === 'STATUS_INCOMPLETE')
    ? health.status.nodes.filter(({ role }) => role !== 'receiver').length
    : undefined

/** The node that answers knows of its own sockets only. */
function listening({ act }: Messages, sockets: number, nodes: number | undefined): string {
  if (nodes === 1) return act.path.listening(sockets)
  return nodes === undefined ? act.path.listeningHere(sockets) : act.path.listeningAmong(sockets, nodes - 1)
}

/** The gateway does not receive more recalls than this per millisecond. */
const MAX_RECALLS_PER_MS = 50

/** A room the recall was sent to. */
interface Stop {
  readonly room: Room
  /** The recall's offset in the room's log; undefined if the log no longer holds it. */
  readonly offset: number | undefined
  /** How many sockets listen there now, on the node that responded. For admins. */
  readonly sockets?: number
  /** When it was stored there, and first told. For admins. */
  readonly delivery?: DeliveryResponse
}

/** Returns the rooms a recall was sent to. Of a member's notice, only the room it was seen in is known. */
function findStops(api: Api, { room, notice }: NoticeRow): Promise<readonly Stop[]> {
  if (!('receivedAtMs' in notice)) return Promise.resolve([{ room, offset: notice.offset }])
  return Promise.all(roomsOf(notice).map((target) => findStop(api, target, notice)))
}

async function findStop(api: Api, room: Room, notice: Notice): Promise<Stop> {
  const query = { receivedSinceMs: notice.receivedAtMs, limit: MAX_RECALLS_PER_MS }
  const [{ notices, position }, { sockets }] = await Promise.all([
    api.notices(room, query),
    api.position(room),
  ])
  const offset = notices.find((candidate) => isSameRecall(candidate, notice))?.offset
  const { epoch } = position
  // A node of the last release cannot tell. The rest of the path is known all the same.
  const delivery =
    offset === undefined ? undefined : await api.delivery(room, { epoch, offset }).catch(() => undefined)
  return { room, offset, ...(sockets !== undefined && { sockets }), ...(delivery && { delivery }) }
}

/** A recall has a different offset in each room; everything else is the same. */
const isSameRecall = (one: Notice | MemberNotice, other: Notice): boolean =>
  'receivedAtMs' in one && one.receivedAtMs === other.receivedAtMs && identityOf(one) === identityOf(other)
