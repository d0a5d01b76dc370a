import type { TargetedSubmitEvent } from 'preact'
import { formText } from '../ui/form-text.ts'
import { useSpeech } from '../i18n/i18n.ts'

export function TokenForm({ onToken }: { readonly onToken: (token: string) => void }) {
  const { words } = useSpeech()
  const onSubmit = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault()
    const token = formText(event.currentTarget, 'token').trim()
    event.currentTarget.reset()
    if (token !== '') onToken(token)
  }
  return (
    <form class="token-form card" onSubmit={onSubmit}>
      <label>
        {words.token.label}
        <input
          name="token"
          type="password"
          required
          autocomplete="off"
          spellcheck={false}
          aria-describedby="token-hint"
        />
      </label>
      <button type="submit">{words.token.connect}</button>
      <p id="token-hint" class="hint">
        {words.token.hint}
      </p>
    </form>
  )
}
