import { ApiError } from '../state/api.ts'
import { useSpeech } from '../i18n/i18n.ts'
import type { Words } from '../i18n/en.ts'

interface Refusal {
  readonly code: string
  readonly message: string
}

/** Why not, in the language of the page where it has words for it. */
export function reasonOf({ errors }: Words, { code, message }: Refusal): string {
  const known: Readonly<Record<string, string>> = errors
  return known[code] ?? message
}

/** What `error` says, whatever was thrown. */
export const asRefusal = (error: unknown): Refusal =>
  error instanceof ApiError ? error : { code: 'INTERNAL', message: String(error) }

export function Failure({ refusal }: { readonly refusal: Refusal }) {
  const { words } = useSpeech()
  return (
    <p class="failure" role="alert">
      {reasonOf(words, refusal)} <code>{refusal.code}</code>
    </p>
  )
}
