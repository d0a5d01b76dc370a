import type { Language } from '../i18n/i18n.ts'
import { useSpeech } from '../i18n/i18n.ts'
import { Brand } from './brand.tsx'
import { Switches } from './switches.tsx'
import { StateBadge } from './state-badge.tsx'
import { TokenForm } from './token-form.tsx'

interface LogInProps {
  readonly onToken: (token: string) => void
  readonly onLanguage: (language: Language) => void
}

/** All that there is without a token. */
export function LogIn({ onToken, onLanguage }: LogInProps) {
  const { words } = useSpeech()
  return (
    <main class="log-in">
      <div class="card">
        <h1>
          <Brand />
        </h1>
        <p>{words.token.intro}</p>
        <StateBadge state={{ kind: 'no-token' }} />
        <TokenForm onToken={onToken} />
      </div>
      <div class="switches">
        <Switches onLanguage={onLanguage} />
      </div>
    </main>
  )
}
