import { reasonOf } from '../ui/failure.tsx'
import type { State } from '../state/watched-rooms.ts'
import type { Words } from '../i18n/en.ts'

export type ShownState = State | { readonly kind: 'no-token' }

/** Whether what one sees is all there is, in words. */
export function stateInWords(words: Words, state: ShownState): readonly [word: string, detail: string] {
  if (state.kind !== 'refused') return words.states[state.kind]
  return [words.refused, `${state.code}: ${reasonOf(words, state)}`]
}

/** Of the page, for a tab among many: told without drawing, because a tab that nobody sees is not drawn. */
export function showTitle(words: Words, state: ShownState): void {
  const title = `${stateInWords(words, state)[0]} · ${words.title}`
  if (document.title !== title) document.title = title
}
