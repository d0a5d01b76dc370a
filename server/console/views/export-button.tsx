import { useEffect, useRef, useState } from 'preact/hooks'
import { parseFilter } from '../../../shared/filter.ts'
import { useLocale } from '../i18n/i18n.ts'
import type { Api } from '../state/api.ts'
import { exportRecalls, MAX_HELD_BYTES } from '../state/export.ts'
import type { ExportFormat, ExportState } from '../state/export.ts'
import { asRefusal, Failure } from '../ui/labels.tsx'
import { Menu } from '../ui/menu.tsx'

interface ExportButtonProps {
  readonly api: Api
  readonly q: string
}

/** Saves what a search finds, of all that is kept, as a file. */
export function ExportButton({ api, q }: ExportButtonProps) {
  const { t, number } = useLocale()
  const texts = t.find.export
  const [state, setState] = useState<ExportState>()
  const running = useRef<AbortController | undefined>(undefined)
  useEffect(() => () => running.current?.abort(), [])
  const start = (format: ExportFormat): void => {
    running.current?.abort()
    const controller = new AbortController()
    running.current = controller
    const onState = (next: ExportState): void => {
      if (running.current === controller) setState(next)
    }
    void exportRecalls({ api, q, format, signal: controller.signal, onState })
  }
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
          onClick={() => start(format)}
        >
          {texts.formats[format]}
        </button>
      ))}
      <div role="status" class="export-state">
        {state?.kind === 'running' && (
          <>
            <span>{texts.running(megabytes(state.bytes))}</span>
            <button type="button" class="quiet" onClick={() => running.current?.abort()}>
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
