import { StateBadge } from './state-badge.tsx'
import type { ShownState } from './state-words.ts'

interface TopBarProps {
  readonly state: ShownState
  readonly title: string
}

/** The state stands beside the title of every view: nobody should read a list without knowing whether it is live. */
export function TopBar({ state, title }: TopBarProps) {
  return (
    <div class={`top ${state.kind}`}>
      <h1>{title}</h1>
      <StateBadge state={state} />
    </div>
  )
}
