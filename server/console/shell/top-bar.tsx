import { useLocale } from '../i18n/i18n.ts'
import { reasonOf } from '../ui/labels.tsx'
import type { State } from '../state/watched-rooms.ts'
import type { Messages } from '../i18n/en.ts'

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

/** Says in words, not by colour alone, whether what one sees is all there is. */
export function StateBadge({ state }: { readonly state: ShownState }) {
  const { words } = useLocale()
  const [word, detail] = stateInWords(words, state)
  return (
    <p role="status" aria-live="polite" class={`state ${state.kind}`}>
      <strong>{word}</strong> <span>{detail}</span>
    </p>
  )
}

export type ShownState = State | { readonly kind: 'no-token' }

/** Whether what one sees is all there is, in words. */
function stateInWords(words: Messages, state: ShownState): readonly [word: string, detail: string] {
  if (state.kind !== 'refused') return words.states[state.kind]
  return [words.refused, `${state.code}: ${reasonOf(words, state)}`]
}

/** Of the page, for a tab among many: told without drawing, because a tab that nobody sees is not drawn. */
export function showTitle(words: Messages, state: ShownState): void {
  const title = `${stateInWords(words, state)[0]} · ${words.title}`
  if (document.title !== title) document.title = title
}
