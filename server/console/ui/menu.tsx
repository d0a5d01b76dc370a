import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { Icon } from './icon.tsx'
import type { IconName } from './icon.tsx'
import { isEscape, useKey } from './use-key.ts'

interface MenuProps {
  readonly icon: IconName
  readonly label: string
  readonly class?: string
  /** A key that opens it too. */
  readonly openKey?: string
  readonly children: ComponentChildren
}

/** A button that opens a panel over what is below it: nothing moves. Escape and a click elsewhere close it. */
export function Menu({ icon, label, class: className = '', openKey, children }: MenuProps) {
  const [isOpen, setOpen] = useState(false)
  const root = useRef<HTMLDivElement>(null)
  const button = useRef<HTMLButtonElement>(null)
  useEffect(() => {
    if (!isOpen) return
    const onPointerDown = ({ target }: PointerEvent): void => {
      if (target instanceof Node && root.current?.contains(target) === false) setOpen(false)
    }
    const onEscape = (event: KeyboardEvent): void => {
      if (isEscape(event)) setOpen(false)
    }
    addEventListener('pointerdown', onPointerDown)
    addEventListener('keydown', onEscape)
    return () => {
      removeEventListener('pointerdown', onPointerDown)
      removeEventListener('keydown', onEscape)
    }
  }, [isOpen])
  useKey(openKey, () => setOpen(true))
  const onKeyDown = (event: KeyboardEvent): void => {
    if (!isEscape(event) || !isOpen) return
    event.stopPropagation()
    setOpen(false)
    button.current?.focus()
  }
  return (
    <div ref={root} class={`menu ${className}`} onKeyDown={onKeyDown}>
      <button
        ref={button}
        type="button"
        class="quiet icon-only"
        aria-expanded={isOpen}
        aria-label={label}
        title={label}
        onClick={() => setOpen(!isOpen)}
      >
        <Icon name={icon} />
      </button>
      {isOpen && (
        <div class="menu-panel card" role="group" aria-label={label}>
          {children}
        </div>
      )}
    </div>
  )
}
