import { useEffect, useRef } from 'preact/hooks'
import { useLocale } from '../i18n/i18n.ts'
import type { Store } from '../state/store.ts'
import { Icon } from '../ui/icon.tsx'
import { Name } from '../ui/name.tsx'
import { isEscape } from '../ui/use-key.ts'

/** Who the viewer is, by the gateway's answer, and where: the user in every view, the rest on demand. */
export function WhoAmI({ store }: { readonly store: Store }) {
  const { t, dateTime } = useLocale()
  const details = useCloseOutside()
  const { user, role, roleClaim, app, environment, process, expiresAtMs } = store.identity
  const rows: readonly (readonly [label: string, value: string | undefined])[] = [
    [t.access.user, user],
    [t.access.role, t.access.roles[role]],
    [t.access.noAdmin, roleClaim && t.access.roleClaims[roleClaim.found]?.(roleClaim.name)],
    [t.access.app, app],
    [t.access.environment, environment],
    [t.access.host, process && `${process.host} (${t.health.roles[process.role]})`],
    [t.access.version, process?.version],
    [t.access.until, expiresAtMs === undefined ? undefined : dateTime(expiresAtMs)],
  ]
  return (
    <details class="who" ref={details}>
      <summary class="plain" aria-label={`${t.access.whoAmI} ${user}`}>
        <Icon name="user" />
        <span class="name">
          <Name text={user} />
          <small>{t.access.roles[role]}</small>
        </span>
      </summary>
      <dl class="card">
        {rows.map(
          ([label, value]) =>
            value !== undefined && (
              <div key={label}>
                <dt>{label}</dt>
                <dd>
                  <Name text={value} />
                </dd>
              </div>
            ),
        )}
      </dl>
    </details>
  )
}

/** Closes what is open on Escape, and when something else is clicked. */
function useCloseOutside() {
  const details = useRef<HTMLDetailsElement>(null)
  useEffect(() => {
    const close = (): void => void (details.current && (details.current.open = false))
    const onPointer = ({ target }: PointerEvent): void => {
      if (!(target instanceof Node && details.current?.contains(target))) close()
    }
    const onKey = (event: KeyboardEvent): void => {
      if (!isEscape(event) || !details.current?.open) return
      close()
      details.current.querySelector('summary')?.focus()
    }
    addEventListener('pointerdown', onPointer)
    addEventListener('keydown', onKey)
    return () => {
      removeEventListener('pointerdown', onPointer)
      removeEventListener('keydown', onKey)
    }
  }, [])
  return details
}
