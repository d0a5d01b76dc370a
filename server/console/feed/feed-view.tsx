import { useState } from 'preact/hooks'
import type { Desk } from '../desk.ts'
import { Details } from '../details/details.tsx'
import { Icon } from '../icon.tsx'
import { useSpeech } from '../language.ts'
import { RecallList } from '../list/recall-list.tsx'
import type { NoticeRow } from '../list/row.ts'
import { Announcer } from './announcer.tsx'
import { ROWS_AT_MOST } from './feed.ts'
import type { Feed } from './feed.ts'
import { FilterBar } from './filter-bar.tsx'
import { isEmpty } from './filter.ts'

interface FeedViewProps {
  readonly desk: Desk
  readonly onChange: () => void
}

export function FeedView({ desk, onChange }: FeedViewProps) {
  const { words } = useSpeech()
  const [open, setOpen] = useState<{ readonly key: number; readonly row: NoticeRow }>()
  const { feed, isAdmin, api } = desk
  if (!isAdmin) return <p class="empty">{words.feed.adminsOnly}</p>
  const isFiltered = !isEmpty(feed.filter)
  return (
    <section
      class={open === undefined ? 'with-details' : 'with-details opened'}
      aria-label={words.views.feed}
    >
      <div class="list-side">
        <FilterBar feed={feed} onChange={onChange}>
          <PauseButton feed={feed} onChange={onChange} />
        </FilterBar>
        <RecallList
          rows={feed.shown}
          label={words.views.feed}
          empty={isFiltered ? words.feed.emptyFilter : words.feed.empty}
          open={open?.key}
          onOpen={({ key, row }) => row.kind === 'notice' && setOpen({ key, row })}
        />
        <p class="list-foot">
          <span>{feed.isPaused ? words.feed.paused : words.feed.shown(feed.shown.length, feed.size)}</span>
          {feed.isCut && <span>{words.feed.cut(ROWS_AT_MOST)}</span>}
        </p>
        <Announcer count={feed.arrived} />
      </div>
      {open !== undefined && (
        <Details key={open.key} row={open.row} api={api} onClose={() => setOpen(undefined)} />
      )}
    </section>
  )
}

function PauseButton({ feed, onChange }: { readonly feed: Feed; readonly onChange: () => void }) {
  const { words } = useSpeech()
  const toggle = (): void => {
    if (feed.isPaused) feed.resume()
    else feed.pause()
    onChange()
  }
  return (
    <button type="button" class={feed.isPaused ? 'pause waiting' : 'pause quiet'} onClick={toggle}>
      <Icon name={feed.isPaused ? 'resume' : 'pause'} />
      {feed.isPaused ? words.feed.resume(feed.waiting) : words.feed.pause}
    </button>
  )
}
