import { useEffect } from 'preact/hooks'
import { useLocale } from '../i18n/i18n.ts'
import type { Messages } from '../i18n/en.ts'
import type { SavedFile, SavedFiles } from '../state/saved-files.ts'
import { Icon } from '../ui/icon.tsx'
import { Name } from '../ui/name.tsx'

/** The files that are being saved, in whichever view, and what became of those that have ended. */
export function Saving({ files }: { readonly files: SavedFiles }) {
  const { t, number } = useLocale()
  const texts = t.act.saving
  const isRunning = files.files.some(({ state }) => state.kind === 'running')
  useEffect(() => {
    // Only meanwhile: with it, browsers keep no page that one has left.
    if (isRunning) addEventListener('beforeunload', keepPage)
    return () => removeEventListener('beforeunload', keepPage)
  }, [isRunning])
  if (files.files.length === 0) return null
  return (
    <ul class="saving" aria-label={texts.title}>
      {files.files.map((file) => (
        <li key={file.key}>
          <span>
            <Name text={file.name} />
            {t.signals.colon}
            {stateText(texts, file, number)}
          </span>
          {file.state.kind === 'running' ? (
            <button type="button" class="quiet small" onClick={() => files.cancel(file.key)}>
              {t.find.export.cancel}
            </button>
          ) : (
            <button
              type="button"
              class="plain icon-only"
              aria-label={t.access.dismiss}
              title={t.access.dismiss}
              onClick={() => files.forget(file.key)}
            >
              <Icon name="close" />
            </button>
          )}
        </li>
      ))}
    </ul>
  )
}

/** Files end with the page: the browser asks whether to leave it. */
const keepPage = (event: BeforeUnloadEvent): void => event.preventDefault()

function stateText(
  texts: Messages['act']['saving'],
  { state }: SavedFile,
  number: (value: number) => string,
): string {
  return state.kind === 'running' ? texts.running(number(state.bytes / 1_000_000)) : texts[state.kind]
}
