import { useSpeech } from '../i18n/i18n.ts'
import { TokenForm } from './token-form.tsx'

interface AnotherTokenProps {
  readonly isRefused: boolean
  /** When the token ends, if that is soon. */
  readonly endsAtMs: number | undefined
  readonly onToken: (token: string) => void
}

/** Asks for another token in time, and when there is none that holds; what was typed stays when the one turns into the other. */
export function AnotherToken({ isRefused, endsAtMs, onToken }: AnotherTokenProps) {
  const { words, clock } = useSpeech()
  if (!isRefused && endsAtMs === undefined) return null
  return (
    <div class="another-token card">
      {!isRefused && endsAtMs !== undefined && (
        <p role="alert">
          <strong>{words.token.endsAt(clock(endsAtMs))}</strong> {words.token.endsWhat}
        </p>
      )}
      <TokenForm onToken={onToken} />
    </div>
  )
}
