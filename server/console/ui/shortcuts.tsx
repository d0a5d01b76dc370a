import { useLocale } from '../i18n/i18n.ts'
import { Menu } from './menu.tsx'

/** The keys that a list and its search box know. */
export function Shortcuts() {
  const { t } = useLocale()
  const { shortcuts } = t.find
  return (
    <Menu icon="keyboard" label={shortcuts.title} class="shortcuts" openKey="?">
      <dl class="terms">
        {shortcuts.keys.map(([keys, what]) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Menu>
  )
}
