import { useLocale } from '../i18n/i18n.ts'
import { ApiError } from '../state/api.ts'
import type { Missing } from '../state/open-recall.ts'
import { Icon } from '../ui/icon.tsx'
import { refusalText } from '../ui/labels.tsx'

interface OpenFailureProps {
  readonly failure: Missing | ApiError | undefined
  readonly onRetry: () => void
  readonly onClose: () => void
}

/** Says why the recall that the address names cannot be shown. */
export function OpenFailure({ failure, onRetry, onClose }: OpenFailureProps) {
  const { t } = useLocale()
  if (failure === undefined) return null
  return (
    <p class="gap-note open-failure" role="alert">
      <Icon name="warning" />
      <span>
        <strong>{t.find.open.failed}</strong>{' '}
        {failure instanceof ApiError ? refusalText(t, failure) : t.find.open.missing[failure]}
      </span>
      {failure instanceof ApiError && failure.isTransient && (
        <button type="button" class="quiet small" onClick={onRetry}>
          {t.signals.tryNow}
        </button>
      )}
      <button type="button" class="plain" aria-label={t.details.close} onClick={onClose}>
        <Icon name="close" />
      </button>
    </p>
  )
}
