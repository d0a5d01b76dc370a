import type { TargetedPointerEvent } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { KeyedRow } from '../state/feed.ts'
import { countAfter, withRowsOf } from './row-window.ts'

/** A finger that was lifted still has to become a click. */
const TOUCH_CLICK_MS = 400

interface HoldOptions {
  /** Oldest first. */
  readonly rows: readonly KeyedRow[]
  /** Whether a recall of the list is open: its row must not run away either. */
  readonly isOpen: boolean
  /** What the rows were searched for: with another search, there is nothing to hold. */
  readonly subject: string
}

/**
 * Holds rows still while somebody aims at one: under the pointer, while a button is down, after a key has moved the active row, and
 * as long as a recall is open. Newer rows are counted meanwhile, and shown when they are asked for or nothing holds any more.
 */
export function useHold({ rows, isOpen, subject }: HoldOptions) {
  const [isPointed, setPointed] = useState(false)
  const [isPressed, setPressed] = useState(false)
  const [byKey, setByKey] = useState(false)
  const [, setReleases] = useState(0)
  /** The newest row that is shown. Set when the hold begins, from what is on the screen then. */
  const heldAt = useRef<number | undefined>(undefined)
  const frame = useRef<HTMLElement | undefined>(undefined)
  const newestShown = useRef<number | undefined>(undefined)
  /** What was shown last: while the hold lasts, rows stay that the page itself has dropped since. */
  const kept = useRef<readonly KeyedRow[]>([])

  const heldSubject = useRef(subject)
  if (heldSubject.current !== subject) {
    heldSubject.current = subject
    heldAt.current = undefined
    newestShown.current = undefined
    kept.current = []
  }
  const isHeld = isPointed || isPressed || byKey || isOpen
  if (!isHeld) heldAt.current = undefined
  else heldAt.current ??= newestShown.current
  const until = heldAt.current
  const newer = until === undefined ? 0 : countAfter(rows, until)
  // What was shown last may be the array of the page itself, to which rows were added since.
  const shown = until === undefined ? rows : withRowsOf(upTo(rows, until), upTo(kept.current, until))
  kept.current = shown
  newestShown.current = shown.at(-1)?.key

  const hold = (): void => {
    heldAt.current ??= newestShown.current
  }
  // No event says that the pointer left an element that was removed under it, such as the button that shows newer rows.
  useEffect(() => {
    if (!isPointed) return
    const onMove = ({ target }: PointerEvent): void => {
      if (target instanceof Node && frame.current?.contains(target) === false) setPointed(false)
    }
    addEventListener('pointermove', onMove)
    return () => removeEventListener('pointermove', onMove)
  }, [isPointed])

  return {
    shown,
    /** How many rows are newer than those shown. */
    newer,
    /** Shows them. What holds now holds from there on. */
    release(): void {
      heldAt.current = undefined
      kept.current = []
      newestShown.current = rows.at(-1)?.key
      setByKey(false)
      setReleases((count) => count + 1)
    },
    holdByKey(): void {
      hold()
      setByKey(true)
    },
    pointer: {
      onPointerMove({ pointerType, currentTarget }: TargetedPointerEvent<HTMLElement>): void {
        frame.current = currentTarget
        if (pointerType === 'touch' || isPointed) return
        hold()
        setPointed(true)
      },
      onPointerLeave: () => setPointed(false),
      onPointerDown(): void {
        hold()
        setPressed(true)
        onNextRelease((event) => {
          if (event.pointerType === 'touch') setTimeout(() => setPressed(false), TOUCH_CLICK_MS)
          else setPressed(false)
        })
      },
    },
    onBlur: () => setByKey(false),
  }
}

/** Returns the rows up to a key. */
function upTo(rows: readonly KeyedRow[], key: number): readonly KeyedRow[] {
  const newer = countAfter(rows, key)
  return newer === 0 ? rows : rows.slice(0, rows.length - newer)
}

/** Calls back once, when the button that is down now is let go, wherever. */
function onNextRelease(onRelease: (event: PointerEvent) => void): void {
  const ended = new AbortController()
  for (const type of ['pointerup', 'pointercancel'] as const)
    addEventListener(
      type,
      (event) => {
        ended.abort()
        onRelease(event)
      },
      { signal: ended.signal },
    )
}
