import type { Language } from '../i18n/i18n.ts'
import { useLocale } from '../i18n/i18n.ts'
import { Brand, Switches } from './side-bar.tsx'
import { StateBadge } from './top-bar.tsx'
import type { TargetedSubmitEvent } from 'preact'
import { fieldValue } from '../ui/form.tsx'

interface LogInProps {
  readonly onToken: (token: string) => void
  readonly onLanguage: (language: Language) => void
}

/** All that there is without a token. */
export function LogIn({ onToken, onLanguage }: LogInProps) {
  const { t } = useLocale()
  return (
    <main class="log-in">
      <div class="card">
        <h1>
          <Brand />
        </h1>
        <p>{t.token.intro}</p>
        <StateBadge state={{ kind: 'no-token' }} />
        <TokenForm onToken={onToken} />
      </div>
      <div class="switches">
        <Switches onLanguage={onLanguage} />
      </div>
    </main>
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

interface AnotherTokenProps {
  readonly isRefused: boolean
  /** When the token ends, if that is soon. */
  readonly endsAtMs: number | undefined
  readonly onToken: (token: string) => void
}

/** Asks for another token in time, and when there is none that holds; what was typed stays when the one turns into the other. */
export function TokenPrompt({ isRefused, endsAtMs, onToken }: AnotherTokenProps) {
  const { t, timeOfDay } = useLocale()
  if (!isRefused && endsAtMs === undefined) return null
  return (
    <div class="token-prompt card">
      {!isRefused && endsAtMs !== undefined && (
        <p role="alert">
          <strong>{t.token.endsAt(timeOfDay(endsAtMs))}</strong> {t.token.endsWhat}
        </p>
      )}
      <TokenForm onToken={onToken} />
    </div>
  )
}
