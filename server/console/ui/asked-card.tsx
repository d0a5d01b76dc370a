import type { ComponentChildren } from 'preact'
import { useLocale } from '../i18n/i18n.ts'
import { asApiError } from '../state/api.ts'
import { refusalText } from './labels.tsx'
import { useRequest } from './use-request.ts'

interface AskedCardProps<Result> {
  readonly title: string
  readonly class?: string
  readonly ask: () => Promise<Result>
  readonly children: (result: Result) => ComponentChildren
}

/** A card that asks the gateway each time it is opened. */
export function AskedCard<Result>({ title, class: name = '', ask, children }: AskedCardProps<Result>) {
  const { t } = useLocale()
  const { result, error, run } = useRequest<Result>()
  return (
    <details
      class={`card fold ${name}`}
      onToggle={({ currentTarget }) => currentTarget.open && run(ask(), result)}
    >
      <summary>
        <h2>{title}</h2>
      </summary>
      {error !== undefined && <p role="alert">{refusalText(t, asApiError(error))}</p>}
      {result === undefined && error === undefined && <p>{t.loading}</p>}
      {result !== undefined && children(result)}
    </details>
  )
}
