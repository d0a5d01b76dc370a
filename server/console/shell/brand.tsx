import { useSpeech } from '../i18n/i18n.ts'

export function Brand() {
  const { words } = useSpeech()
  return (
    <span class="brand">
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <path class="bubble" d="M4 5h24v17H15l-7 6v-6H4z" />
        <path class="cross" d="m12 9.5 8 8m0-8-8 8" />
      </svg>
      {words.title}
    </span>
  )
}
