import type { TargetedSubmitEvent } from 'preact'
import { formText } from './form-text.ts'

export function TokenForm({ onToken }: { readonly onToken: (token: string) => void }) {
  const onSubmit = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault()
    const token = formText(event.currentTarget, 'token').trim()
    event.currentTarget.reset()
    if (token !== '') onToken(token)
  }
  return (
    <form class="token-form" onSubmit={onSubmit}>
      <label>
        Token
        <input
          name="token"
          type="password"
          required
          autocomplete="off"
          spellcheck={false}
          aria-describedby="token-hint"
        />
      </label>
      <button type="submit">Connect</button>
      <p id="token-hint" class="hint">
        From your app’s backend, or from a link that ends in #token=… It is kept for this tab only.
      </p>
    </form>
  )
}
