import type { Messages } from '../i18n/en.ts'
import { useLocale } from '../i18n/i18n.ts'
import type { State } from '../state/watched-rooms.ts'
import { refusalText } from '../ui/labels.tsx'

export type ShownState = State | { readonly kind: 'no-token' }

interface TopBarProps {
  readonly state: ShownState
  readonly title: string
}

/** Shows the state next to every view's title: nobody should read a list without knowing whether it is live. */
export function TopBar({ state, title }: TopBarProps) {
  return (
    <div class={`top-bar ${state.kind}`}>
      <h1>{title}</h1>
      <StateBadge state={state} />
    </div>
  )
}

/** Says in words, not only by color, whether the page is live and complete. */
export function StateBadge({ state }: { readonly state: ShownState }) {
  const { t } = useLocale()
  const [label, detail] = stateText(t, state)
  return (
    <p role="status" aria-live="polite" class={`state ${state.kind}`}>
      <strong>{label}</strong> <span>{detail}</span>
    </p>
  )
}

/** Returns whether the page is live and complete, in words. */
function stateText(t: Messages, state: ShownState): readonly [label: string, detail: string] {
  if (state.kind !== 'refused') return t.states[state.kind]
  const { code = '', reason: message = '' } = state
  return [t.refused, `${code}: ${refusalText(t, { code, message })}`]
}

/**
 * Shows the state in the page's title, which stays visible in a background tab. Does not depend on rendering, because
 * hidden tabs are not rendered.
 */
export function updateTitle(t: Messages, state: ShownState): void {
  const title = `${stateText(t, state)[0]} · ${t.title}`
  if (document.title !== title) document.title = title
}
