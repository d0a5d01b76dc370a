import { useLocale } from '../i18n/i18n.ts'
import { refusalText } from '../ui/labels.tsx'
import type { State } from '../state/watched-rooms.ts'
import type { Messages } from '../i18n/en.ts'

interface TopBarProps {
  readonly state: ShownState
  readonly title: string
}

/** The state stands beside the title of every view: nobody should read a list without knowing whether it is live. */
export function TopBar({ state, title }: TopBarProps) {
  return (
    <div class={`top-bar ${state.kind}`}>
      <h1>{title}</h1>
      <StateBadge state={state} />
    </div>
  )
}

/** Says in words, not by colour alone, whether what one sees is all there is. */
export function StateBadge({ state }: { readonly state: ShownState }) {
  const { t } = useLocale()
  const [word, detail] = stateText(t, state)
  return (
    <p role="status" aria-live="polite" class={`state ${state.kind}`}>
      <strong>{word}</strong> <span>{detail}</span>
    </p>
  )
}

export type ShownState = State | { readonly kind: 'no-token' }

/** Whether what one sees is all there is, in words. */
function stateText(t: Messages, state: ShownState): readonly [word: string, detail: string] {
  if (state.kind !== 'refused') return t.states[state.kind]
  return [t.refused, `${state.code}: ${refusalText(t, state)}`]
}

/** Of the page, for a tab among many: told without drawing, because a tab that nobody sees is not drawn. */
export function updateTitle(t: Messages, state: ShownState): void {
  const title = `${stateText(t, state)[0]} · ${t.title}`
  if (document.title !== title) document.title = title
}
