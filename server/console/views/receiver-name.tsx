import { useLocale } from '../i18n/i18n.ts'
import type { Store } from '../state/store.ts'

/** The process whose data folder it is, if it reports; otherwise the folder. */
export function ReceiverName({ store, folder }: { readonly store: Store; readonly folder: string }) {
  const { t } = useLocale()
  const process = store.health?.status?.nodes.find(({ dataFolder }) => dataFolder === folder)
  return (
    <span class="receiver">
      {process === undefined ? t.quarantine.folder : t.health.process}{' '}
      <code title={process?.id ?? folder}>{(process?.id ?? folder).slice(0, 8)}</code>
    </span>
  )
}
