import { parseFilter } from '../../../shared/filter.ts'
import { useLocale } from '../i18n/i18n.ts'
import { MAX_HELD_BYTES } from '../state/export.ts'
import { exportKey } from '../state/saved-files.ts'
import { asRefusal, Failure } from '../ui/labels.tsx'
import { Menu } from '../ui/menu.tsx'
import { useStore } from '../ui/store-context.ts'

/** Saves what a search finds, of all that is kept, as a file. */
export function ExportButton({ q }: { readonly q: string }) {
  const { t, number } = useLocale()
  const texts = t.find.export
  const { files } = useStore()
  const state = files.find(exportKey(q))?.state
  const megabytes = (bytes: number): string => number(bytes / 1_000_000)
  return (
    <Menu icon="export" label={texts.button}>
      <p class="hint">{q.trim() === '' ? texts.all : texts.found}</p>
      {(['csv', 'jsonl'] as const).map((format) => (
        <button
          key={format}
          type="button"
          class="quiet"
          disabled={!parseFilter(q).ok || state?.kind === 'running'}
          onClick={() => files.saveExport(q, format)}
        >
          {texts.formats[format]}
        </button>
      ))}
      <div role="status" class="export-state">
        {state?.kind === 'running' && (
          <>
            <span>{texts.running(megabytes(state.bytes))}</span>
            <button type="button" class="quiet" onClick={() => files.cancel(exportKey(q))}>
              {texts.cancel}
            </button>
          </>
        )}
        {state?.kind === 'saved' && texts.saved(megabytes(state.bytes))}
        {state?.kind === 'incomplete' && texts.failed}
        {state?.kind === 'cancelled' && texts.cancelled}
        {state?.kind === 'too-large' && texts.tooLarge(megabytes(MAX_HELD_BYTES))}
      </div>
      {state?.kind === 'failed' && (
        <>
          <p class="hint">{texts.failed}</p>
          <Failure refusal={asRefusal(state.failure)} />
        </>
      )}
    </Menu>
  )
}
