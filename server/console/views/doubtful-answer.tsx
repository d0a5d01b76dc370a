import { useLocale } from '../i18n/i18n.ts'
import type { Store } from '../state/store.ts'
import { Icon } from '../ui/icon.tsx'

interface DoubtfulAnswerProps {
  readonly store: Store
  /** By the gateway's clock. */
  readonly readAtMs: number
}

/** Says of an answer from the log that recalls may have been on their way to it, however long it stays on the page. */
export function DoubtfulAnswer({ store, readAtMs }: DoubtfulAnswerProps) {
  const { t, timeOfDay } = useLocale()
  if (store.watchedRooms.interruptionAt(readAtMs) === undefined) return null
  return (
    <p class="gap-note doubtful" role="alert">
      <Icon name="warning" />
      <span>{t.history.readInDoubt(timeOfDay(readAtMs))}</span>
    </p>
  )
}
