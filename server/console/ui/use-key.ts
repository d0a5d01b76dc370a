import { useEffect } from 'preact/hooks'

const WRITING = 'input, select, textarea, [contenteditable]'

/** Calls back for a key that is pressed anywhere on the page, unless somebody writes with it. */
export function useKey(key: string | undefined, onPress: () => void): void {
  useEffect(() => {
    if (key === undefined) return
    const onKeyDown = (event: KeyboardEvent): void => {
      const { target } = event
      const isWriting = target instanceof HTMLElement && target.closest(WRITING) !== null
      if (event.key !== key || isWriting || event.ctrlKey || event.metaKey || event.altKey) return
      event.preventDefault()
      onPress()
    }
    addEventListener('keydown', onKeyDown)
    return () => removeEventListener('keydown', onKeyDown)
  }, [key])
}

/** What the key that ends a composition has in Safari, which says that none is left. Source: WebKit bug 165004. */
const COMPOSED = 229

/** Whether Escape closes something. While text is composed, as with Pinyin, it only ends that. */
export const isEscape = ({
  key,
  isComposing,
  keyCode,
}: Pick<KeyboardEvent, 'key' | 'isComposing' | 'keyCode'>): boolean =>
  key === 'Escape' && !isComposing && keyCode !== COMPOSED
