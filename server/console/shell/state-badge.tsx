import { useSpeech } from '../i18n/i18n.ts'
import { stateInWords } from './state-words.ts'
import type { ShownState } from './state-words.ts'

/** Says in words, not by colour alone, whether what one sees is all there is. */
export function StateBadge({ state }: { readonly state: ShownState }) {
  const { words } = useSpeech()
  const [word, detail] = stateInWords(words, state)
  return (
    <p role="status" aria-live="polite" class={`state ${state.kind}`}>
      <strong>{word}</strong> <span>{detail}</span>
    </p>
  )
}
