import type { RoomPresenceResponse } from '../../../shared/http-api/presence.ts'
import { isFeed } from '../../../shared/room.ts'
import { useLocale } from '../i18n/i18n.ts'
import { address } from '../state/address.ts'
import { Name } from '../ui/name.tsx'
import { Behind } from './user-presence.tsx'

/** How many are in a room on each node, and who. */
export function RoomPresence({ answer: { room, nodes, head } }: { readonly answer: RoomPresenceResponse }) {
  const { t, number } = useLocale()
  const count = nodes.reduce((sum, { connections }) => sum + connections, 0)
  return (
    <>
      <p role="status">{t.presence.inRoom(count, nodes.length)}</p>
      {!isFeed(room) && room.topic !== undefined && (
        <p class="hint">
          {t.presence.topic}{' '}
          <a href={address.hrefOf('access', { room: { group: room.group } })}>
            <Name text={room.group} />
          </a>
        </p>
      )}
      <div class="scroll" tabIndex={0} role="region" aria-label={t.presence.node}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t.presence.node}</th>
              <th scope="col">{t.presence.count}</th>
              <th scope="col">{t.presence.behind}</th>
              <th scope="col">{t.presence.users}</th>
            </tr>
          </thead>
          <tbody>
            {nodes.map(({ id, host, connections, position, users, moreUsers }) => (
              <tr key={id}>
                <th scope="row">
                  <Name text={host} /> <code>{id.slice(0, 8)}</code>
                </th>
                <td>{number(connections)}</td>
                <td>
                  <Behind position={position} head={head} />
                </td>
                <td class="users">
                  {users.map(({ userId, connections: its }) => (
                    <span key={userId}>
                      <a href={address.hrefOf('access', { user: userId })}>
                        <Name text={userId} />
                      </a>
                      {its > 1 && ` × ${number(its)}`}{' '}
                    </span>
                  ))}
                  {moreUsers > 0 && t.presence.more(moreUsers)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  )
}
