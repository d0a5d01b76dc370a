import type { ComponentChildren } from 'preact'
import { createContext } from 'preact'
import { useContext, useEffect, useRef, useState } from 'preact/hooks'
import { useLocale } from '../i18n/i18n.ts'
import { Icon } from './icon.tsx'

/** Copies a text. Returns whether it is in the clipboard: a browser may refuse, and has none without TLS. */
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return copySelected(text)
  }
}

/** The way that needs neither a permission nor TLS: browsers copy what is selected. */
function copySelected(text: string): boolean {
  const focused = document.activeElement
  const area = document.createElement('textarea')
  area.value = text
  area.style.cssText = 'position:fixed;opacity:0'
  // Within the panel: a modal dialog makes everything outside inert.
  ;(focused?.parentElement ?? document.body).append(area)
  area.select()
  try {
    // Deprecated in favor of what has just failed. All browsers have it.
    return document.execCommand('copy')
  } catch {
    return false
  } finally {
    area.remove()
    if (focused instanceof HTMLElement) focused.focus()
  }
}

type Copied =
  | { readonly kind: 'copied'; readonly what: string; readonly count: number }
  /** Shown, so that the reader can copy it. */
  | { readonly kind: 'failed'; readonly what: string; readonly text: string }

type Copy = (text: string, what: string) => void

const CopyContext = createContext<Copy>(() => undefined)

/** What is inside can be copied: `CopyButton` and `Copyable` copy, and a line at the top says that they did. */
export function CopyArea({ children }: { readonly children: ComponentChildren }) {
  const [copied, setCopied] = useState<Copied>()
  const copy: Copy = (text, what) => {
    void copyText(text).then((isCopied) =>
      setCopied((last) =>
        isCopied
          ? { kind: 'copied', what, count: last?.kind === 'copied' ? last.count + 1 : 1 }
          : { kind: 'failed', what, text },
      ),
    )
  }
  return (
    <CopyContext.Provider value={copy}>
      <CopyOutcome copied={copied} />
      {children}
    </CopyContext.Provider>
  )
}

function CopyOutcome({ copied }: { readonly copied: Copied | undefined }) {
  const { t } = useLocale()
  return (
    <div class="copied" role="status">
      {copied?.kind === 'copied' && (
        <p key={copied.count}>
          <Icon name="check" />
          {t.act.copy.copied(copied.what)}
        </p>
      )}
      {copied?.kind === 'failed' && <ManualCopy what={copied.what} text={copied.text} />}
    </div>
  )
}

function ManualCopy({ what, text }: { readonly what: string; readonly text: string }) {
  const { t } = useLocale()
  const area = useRef<HTMLTextAreaElement>(null)
  useEffect(() => area.current?.select(), [text])
  return (
    <label>
      {t.act.copy.byHand(what)}
      <textarea ref={area} readOnly rows={3} value={text} />
    </label>
  )
}

interface CopyButtonProps {
  readonly label: string
  /** Named in what is said afterwards. */
  readonly what: string
  readonly text: () => string
}

export function CopyButton({ label, what, text }: CopyButtonProps) {
  const copy = useContext(CopyContext)
  return (
    <button type="button" class="quiet small" onClick={() => copy(text(), what)}>
      <Icon name="copy" />
      {label}
    </button>
  )
}

interface CopyableProps {
  readonly text: string
  readonly what: string
  /** Whether the Tab key stops here. Inside a `CopyableList`, arrow keys lead to the others. */
  readonly isTabStop?: boolean
  readonly children: ComponentChildren
}

/** A value that a click copies. */
export function Copyable({ text, what, isTabStop = true, children }: CopyableProps) {
  const { t } = useLocale()
  const copy = useContext(CopyContext)
  return (
    <button
      type="button"
      class="copyable"
      tabIndex={isTabStop ? 0 : -1}
      title={t.act.copy.copy(what)}
      onClick={() => copy(text, what)}
    >
      {children}
    </button>
  )
}

/** Moves the focus between the values of a list with the arrow keys: the Tab key would take a thousand steps. */
export function onCopyableKey(event: KeyboardEvent): void {
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key]
  const { currentTarget: list } = event
  if (step === undefined || !(list instanceof HTMLElement)) return
  const values = [...list.querySelectorAll<HTMLElement>('.copyable')]
  const at = values.findIndex((value) => value === document.activeElement)
  event.preventDefault()
  values[Math.min(Math.max(at + step, 0), values.length - 1)]?.focus()
}
