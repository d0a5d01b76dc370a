import type { State } from './watching.ts'

const WORDS = {
  'no-token': ['No token', 'paste one to connect'],
  connecting: ['Connecting', 'not live yet'],
  'catching-up': ['Connecting', 'catching up with what was missed'],
  live: ['Live', 'recalls in the watched rooms show up at once'],
  idle: ['Connected', 'no room is watched yet'],
  offline: ['Offline', 'trying again'],
} as const

/** Says in words, not by colour alone, whether what one sees is all there is. */
export function StateBadge({ state }: { readonly state: State | { readonly kind: 'no-token' } }) {
  const [word, detail] =
    state.kind === 'refused' ? ['Refused', `${state.code}: ${state.message}`] : WORDS[state.kind]
  return (
    <p role="status" aria-live="polite" class={`state ${state.kind}`}>
      <strong>{word}</strong> <span>{detail}</span>
    </p>
  )
}
