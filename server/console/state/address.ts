import { formatFragment, parseFragment } from './place.ts'
import type { AddressProblem, PartChanges, Parts, Place, ViewName } from './place.ts'
import { keepFragment, keptFragment } from './storage.ts'

/** Browsers refuse to change the address much more often, some with an exception. */
const MIN_WRITE_INTERVAL_MS = 350

/**
 * The address of the page, which says what it shows: whoever opens it, here or elsewhere, now or after logging in, sees the same. Views
 * read their parts from it and write them to it; nothing else holds them.
 */
class Address {
  /** Called after every change. */
  onChange: () => void = () => {}
  /** Shown if the address names no view. */
  defaultView: ViewName = 'feed'
  #place: Place = parseFragment('')
  /** What each view showed last: its link leads back there. */
  readonly #latest = new Map<ViewName, Parts>()
  #wroteAtMs = -Infinity
  #writing: ReturnType<typeof setTimeout> | undefined

  get view(): ViewName {
    return this.#place.view ?? this.defaultView
  }

  get parts(): Parts {
    return this.#place.parts
  }

  /** What is wrong with the address that was opened. */
  get problems(): readonly AddressProblem[] {
    return this.#place.problems
  }

  /**
   * Reads what the browser shows: at the start, after a click on a link, back and forward. With nothing but a token in it, which
   * is gone by now, the page stays where this tab was, or goes back there.
   */
  read(hadToken: boolean): void {
    this.#cancelWriting()
    const isTokenAlone = hadToken && location.hash === ''
    this.#place = parseFragment(isTokenAlone ? keptFragment() : location.hash.slice(1))
    if (isTokenAlone && this.#place.view !== undefined) this.#write()
    this.#changed()
  }

  /**
   * Changes parts of the current view; undefined removes one. `push` for what a person calls a step, such as opening a recall: the
   * browser's Back undoes it. `replace` for the rest, such as typing.
   */
  set(changes: PartChanges, step: 'push' | 'replace'): void {
    this.go(this.view, { ...this.parts, ...changes }, step)
  }

  /** Shows a view, with these parts and no others. */
  go(view: ViewName, parts: PartChanges = {}, step: 'push' | 'replace' = 'push'): void {
    const before = formatFragment(this.view, this.parts)
    const after = formatFragment(view, parts as Parts)
    const hasProblems = this.problems.length > 0
    if (after === before && !hasProblems) return
    const place = parseFragment(after)
    const isTooLong = place.problems.some(({ kind }) => kind === 'length')
    // What a part cannot hold is not shown either, so that the page shows what its address says.
    this.#place = isTooLong ? { ...this.#place, problems: place.problems } : { ...place, problems: [] }
    if (isTooLong) return this.#changed()
    if (step === 'push') this.#push(before)
    else this.#writeSoon()
    this.#changed()
  }

  /** Returns where a link to a view leads: to the parts given, otherwise to what it showed last. */
  hrefOf(view: ViewName, parts: Parts = this.#latest.get(view) ?? {}): string {
    return `#${formatFragment(view, parts)}`
  }

  /** The whole address, to be copied. Never holds a token. */
  urlOf(view: ViewName, parts: Parts): string {
    return new URL(this.hrefOf(view, parts), location.href.split('#')[0]).href
  }

  /** The current fragment, without its `#`. */
  get fragment(): string {
    return formatFragment(this.view, this.parts)
  }

  #changed(): void {
    this.#latest.set(this.view, this.parts)
    keepFragment(this.#place.view === undefined ? '' : this.fragment)
    this.onChange()
  }

  /** What waits to be written is part of the entry that Back leads to. */
  #push(before: string): void {
    if (this.#writing !== undefined) {
      this.#cancelWriting()
      replaceState(before)
    }
    try {
      history.pushState(null, '', `#${this.fragment}`)
    } catch {
      this.#writeSoon()
    }
  }

  #writeSoon(): void {
    const waitMs = this.#wroteAtMs + MIN_WRITE_INTERVAL_MS - performance.now()
    if (waitMs <= 0) return this.#write()
    this.#writing ??= setTimeout(() => this.#write(), waitMs)
  }

  #write(): void {
    this.#cancelWriting()
    this.#wroteAtMs = performance.now()
    replaceState(this.fragment)
  }

  #cancelWriting(): void {
    clearTimeout(this.#writing)
    this.#writing = undefined
  }
}

function replaceState(fragment: string): void {
  try {
    history.replaceState(null, '', `#${fragment}`)
  } catch {
    // Too often for this browser: the next change writes it.
  }
}

/** A page has one address, as it has one storage. */
export const address = new Address()
