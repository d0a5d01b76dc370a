import { useEffect } from 'preact/hooks'
import { reasonOf } from '../failure.tsx'
import { useSpeech } from '../language.ts'
import type { Words } from '../words/en.ts'
import type { State } from '../watching.ts'

export type ShownState = State | { readonly kind: 'no-token' }

/** Says in words, not by colour alone, whether what one sees is all there is; in the title too, for a tab among many. */
export function StateBadge({ state }: { readonly state: ShownState }) {
  const { words } = useSpeech()
  const [word, detail] = inWords(words, state)
  useEffect(() => {
    document.title = `${word} · ${words.title}`
  }, [word, words])
  return (
    <p role="status" aria-live="polite" class={`state ${state.kind}`}>
      <strong>{word}</strong> <span>{detail}</span>
    </p>
  )
}

function inWords(words: Words, state: ShownState): readonly [word: string, detail: string] {
  if (state.kind !== 'refused') return words.states[state.kind]
  return [words.refused, `${state.code}: ${reasonOf(words, state)}`]
}
