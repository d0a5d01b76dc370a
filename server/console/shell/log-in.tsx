import type { TargetedSubmitEvent } from 'preact'
import { useLocale } from '../i18n/i18n.ts'
import type { Language } from '../i18n/i18n.ts'
import { fieldValue } from '../ui/form.tsx'
import { NO_TOKEN } from '../state/shown-state.ts'
import { Brand, Switches } from './side-bar.tsx'
import { StateBadge } from './top-bar.tsx'

interface LogInProps {
  readonly onToken: (token: string) => void
  readonly onLanguage: (language: Language) => void
}

/** The whole page while there is no token. */
export function LogIn({ onToken, onLanguage }: LogInProps) {
  const { t } = useLocale()
  return (
    <main class="log-in">
      <div class="card">
        <h1>
          <Brand />
        </h1>
        <p>{t.token.intro}</p>
        <StateBadge shown={NO_TOKEN} />
        <TokenForm onToken={onToken} />
      </div>
      <div class="switches">
        <Switches onLanguage={onLanguage} />
      </div>
    </main>
  )
}

interface TokenPromptProps {
  readonly isRefused: boolean
  /** When the token expires, if that is soon. */
  readonly expiresAtMs: number | undefined
  readonly onToken: (token: string) => void
}

/** Asks for another token before the current one expires, and after it was refused. Text that was typed already stays. */
export function TokenPrompt({ isRefused, expiresAtMs, onToken }: TokenPromptProps) {
  const { t, timeOfDay } = useLocale()
  if (!isRefused && expiresAtMs === undefined) return null
  return (
    <div class="token-prompt card">
      {!isRefused && expiresAtMs !== undefined && (
        <p role="alert">
          <strong>{t.token.expiresAt(timeOfDay(expiresAtMs))}</strong> {t.token.renewHint}
        </p>
      )}
      <TokenForm onToken={onToken} />
    </div>
  )
}

function TokenForm({ onToken }: { readonly onToken: (token: string) => void }) {
  const { t } = useLocale()
  const onSubmit = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault()
    const token = fieldValue(event.currentTarget, 'token').trim()
    event.currentTarget.reset()
    if (token !== '') onToken(token)
  }
  return (
    <form class="token-form card" onSubmit={onSubmit}>
      <label>
        {t.token.label}
        <input
          name="token"
          type="password"
          required
          autocomplete="off"
          spellcheck={false}
          aria-describedby="token-hint"
        />
      </label>
      <button type="submit">{t.token.connect}</button>
      <p id="token-hint" class="hint">
        {t.token.hint}
      </p>
    </form>
  )
}
