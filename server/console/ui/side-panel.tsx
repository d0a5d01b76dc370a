import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { useLocale } from '../i18n/i18n.ts'
import { Icon } from './icon.tsx'
import { isEscape } from './use-key.ts'

interface SidePanelProps {
  readonly title: string
  readonly class?: string
  readonly onClose: () => void
  readonly children: ComponentChildren
}

/** What is open next to a list. Takes the focus, and returns it when closed. */
export function SidePanel({ title, class: className = '', onClose, children }: SidePanelProps) {
  const { t } = useLocale()
  const panel = useRef<HTMLElement>(null)
  useEffect(() => {
    const { activeElement: previous } = document
    panel.current?.focus()
    return () => previous instanceof HTMLElement && previous.focus()
  }, [])
  return (
    <aside
      ref={panel}
      class={`details ${className}`}
      tabIndex={-1}
      aria-label={title}
      onKeyDown={(event) => isEscape(event) && onClose()}
    >
      <header>
        <h2>{title}</h2>
        <button type="button" class="plain" aria-label={t.details.close} onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      {children}
    </aside>
  )
}

/** A field in a list of them. */
export function Field({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}
