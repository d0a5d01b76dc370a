import type {
  RoomOfConnection,
  UserConnection,
  UserPresenceResponse,
} from '../../../shared/http-api/presence.ts'
import { entriesBetween } from '../../../shared/position.ts'
import type { Position } from '../../../shared/position.ts'
import { roomName } from '../../../shared/room.ts'
import { useLocale } from '../i18n/i18n.ts'
import { address } from '../state/address.ts'
import { RoomLabel } from '../ui/conversation.tsx'
import { Timestamp } from '../ui/labels.tsx'
import { Name } from '../ui/name.tsx'

/** What was taken from a user, and each connection with its rooms. */
export function UserPresence({ answer }: { readonly answer: UserPresenceResponse }) {
  const { t } = useLocale()
  const { nodes, revocations } = answer
  const count = nodes.reduce(
    (sum, { connections, moreConnections }) => sum + connections.length + moreConnections,
    0,
  )
  const on = nodes.filter(({ connections }) => connections.length > 0).length
  return (
    <>
      <p role="status">
        {count === 0
          ? t.presence.notConnected(nodes.length)
          : t.presence.connections(count, on, nodes.length)}
      </p>
      <TakenFrom revocations={revocations} />
      {nodes.flatMap(({ id, host, connections, moreConnections }) => [
        ...connections.map((connection, i) => (
          <Connection key={`${id} ${connections.length - i}`} id={id} host={host} connection={connection} />
        )),
        moreConnections > 0 && (
          <p key={id} class="hint">
            <Name text={host} /> {t.presence.more(moreConnections)}
          </p>
        ),
      ])}
    </>
  )
}

function TakenFrom({ revocations }: { readonly revocations: UserPresenceResponse['revocations'] }) {
  const { t, dateTime } = useLocale()
  if (revocations === undefined) return <p class="wait">{t.presence.revocationsUnknown}</p>
  return (
    <>
      {revocations.map(({ conversation, untilMs }) => (
        <p key={conversation === undefined ? '' : roomName(conversation)} class="wait">
          {t.presence.takenOut}{' '}
          {conversation === undefined ? t.moderation.everything : <RoomLabel room={conversation} />}{' '}
          {t.moderation.until(dateTime(untilMs))}
        </p>
      ))}
    </>
  )
}

interface ConnectionProps {
  readonly id: string
  readonly host: string
  readonly connection: UserConnection
}

function Connection({ id, host, connection }: ConnectionProps) {
  const { t } = useLocale()
  const { transport, protocolVersion, role, connectedAtMs, expiresAtMs, waitingBytes } = connection
  const { rooms, moreRooms } = connection
  return (
    <div class="connection">
      <p>
        <Name text={host} /> <code>{id.slice(0, 8)}</code> {t.presence.transports[transport]}
        {protocolVersion !== undefined && ` · ${t.presence.protocol(protocolVersion)}`}
        {` · ${t.access.roles[role]} · ${t.presence.since} `}
        <Timestamp atMs={connectedAtMs} />
        {` · ${t.presence.tokenUntil} `}
        <Timestamp atMs={expiresAtMs} />
        {waitingBytes > 0 && ` · ${t.presence.waiting(waitingBytes)}`}
      </p>
      {rooms.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label={t.presence.room}>
          <table>
            <thead>
              <tr>
                <th scope="col">{t.presence.room}</th>
                <th scope="col">{t.rooms.position}</th>
                <th scope="col">{t.presence.behind}</th>
                <th scope="col">{t.presence.grantedUntil}</th>
              </tr>
            </thead>
            <tbody>
              {rooms.map((one) => (
                <RoomRow key={roomName(one.room)} one={one} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {moreRooms > 0 && <p class="hint">{t.presence.more(moreRooms)}</p>}
    </div>
  )
}

function RoomRow({ one: { room, position, head, untilMs } }: { readonly one: RoomOfConnection }) {
  const { t, number } = useLocale()
  return (
    <tr>
      <th scope="row">
        <a href={address.hrefOf('access', { room })}>
          <RoomLabel room={room} />
        </a>
      </th>
      <td>{position === undefined ? t.presence.joining : number(position.offset)}</td>
      <td>
        <Behind position={position} head={head} />
      </td>
      <td>
        <Timestamp atMs={untilMs} />
      </td>
    </tr>
  )
}

/** How far a position is behind the end of its log. */
export function Behind({
  position,
  head,
}: {
  readonly position: Position | undefined
  readonly head: Position | undefined
}) {
  const { t, number } = useLocale()
  if (position === undefined || head === undefined) return <>–</>
  const entries = entriesBetween(position, head)
  if (entries === 0) return <>{number(0)}</>
  return <strong class="wait">{entries === undefined ? t.presence.otherEpoch : number(entries)}</strong>
}
