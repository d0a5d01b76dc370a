import { Fragment } from 'preact'
import type { MemberNotice, Notice } from '../../shared/notice.ts'
import type { RecalledMessage } from '../../shared/recall.ts'
import type { Room } from '../../shared/room.ts'
import { RecallTime } from './recall-time.tsx'
import { RoomLabel } from './room-label.tsx'
import type { Row } from './row.ts'

/** One recall names up to 1,000 messages; a row of all of them would bury the others. */
const SEQS_AT_MOST = 50

export function RowItem({ row }: { readonly row: Row }) {
  switch (row.kind) {
    case 'notice':
      return <NoticeRow room={row.room} notice={row.notice} />
    case 'gap':
      return (
        <li class="row gap">
          <strong>Some notices are missing</strong> ({row.reason}) in <RoomLabel room={row.room} />: reload
          the conversation.
        </li>
      )
    case 'recovered':
      return (
        <li class="row remark">
          {row.count} recovered in <RoomLabel room={row.room} />: missed while offline, shown above.
        </li>
      )
    case 'goodbye':
      return (
        <li class="row remark">
          The gateway said goodbye ({row.goodbye.code}): {row.goodbye.reason}.
        </li>
      )
  }
}

function NoticeRow({ room, notice }: { readonly room: Room; readonly notice: Notice | MemberNotice }) {
  const { group, topic, messages, recalledAtMs } = notice
  const operator = 'operator' in notice ? notice.operator : undefined
  const untimed = 'untimed' in notice
  return (
    <li class="row notice">
      <RecallTime atMs={recalledAtMs} untimed={untimed} />
      <p>
        <strong>
          {messages.length === 1 ? '1 message' : `${messages.length.toLocaleString()} messages`}
        </strong>{' '}
        recalled in <RoomLabel room={topic === undefined ? { group } : { group, topic }} />
      </p>
      <p class="detail">
        {operator !== undefined && (
          <>
            by <bdi>{operator}</bdi> ·{' '}
          </>
        )}
        <Seqs messages={messages} /> · seen in <RoomLabel room={room} />
      </p>
    </li>
  )
}

function Seqs({ messages }: { readonly messages: readonly RecalledMessage[] }) {
  const more = messages.length - SEQS_AT_MOST
  return (
    <>
      seq{' '}
      {messages.slice(0, SEQS_AT_MOST).map(({ seq, id }, i) => (
        <Fragment key={seq}>
          {i > 0 && ', '}
          <span title={id}>{seq}</span>
        </Fragment>
      ))}
      {more > 0 && ` and ${more.toLocaleString()} more`}
    </>
  )
}
