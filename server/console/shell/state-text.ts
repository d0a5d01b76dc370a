import type { Locale } from '../i18n/i18n.ts'
import type { Messages } from '../i18n/en.ts'
import { isCritical } from '../state/shown-state.ts'
import type { ShownState } from '../state/shown-state.ts'
import { problemText, refusalText } from '../ui/labels.tsx'

/** Kinds that last, so that it matters since when. */
const LASTING: readonly ShownState['kind'][] = ['stale', 'offline', 'refused', 'closed']

export interface StateText {
  readonly label: string
  /** How many recalls wait in the paused feed, if it is. */
  readonly waiting: string | undefined
  /** Why, and since when. */
  readonly detail: string
}

/** Returns whether the page is live and complete, in words. */
export function stateText(locale: Locale, shown: ShownState): StateText {
  const { kind, sinceMs, waiting, problems } = shown
  const { signals, states } = locale.t
  const [label, usual] = states[kind]
  const detail = shown.isHeld === true ? signals.held : usual
  const [worst] = problems
  const since =
    LASTING.includes(kind) && sinceMs !== undefined ? signals.since(locale.timeOfDay(sinceMs)) : ''
  const statement = [since, detail].filter((part) => part !== '').join(signals.semicolon)
  const reason =
    kind === 'problem' && worst !== undefined ? problemText(locale, worst) : reasonText(locale.t, shown)
  return {
    label,
    waiting: waiting === undefined ? undefined : signals.waiting(waiting),
    detail: [statement, reason].filter((part) => part !== '').join(signals.colon),
  }
}

/** Why, and the code, by which the documents and others can be asked. */
function reasonText(t: Messages, { kind, code, reason = '' }: ShownState): string {
  if (code === undefined) return refusalText(t, { code: reason, message: reason })
  const text = refusalText(t, { code, message: reason })
  // A refusal says after a colon what exactly is wrong, which the text for its code cannot know.
  const [, ...exactly] = kind === 'refused' && text !== reason ? reason.split(': ') : []
  return `${text} (${[code, ...exactly].join(': ')})`
}

/**
 * Shows the state in the page's title, which stays visible in a background tab. Does not depend on rendering, because
 * hidden tabs are not rendered.
 */
export function updateTitle(locale: Locale, shown: ShownState): void {
  const { t } = locale
  const { label, waiting } = stateText(locale, shown)
  const parts = [
    label,
    waitingText(t, shown, waiting),
    shown.isHeld && t.signals.held,
    problemsText(t, shown),
    t.title,
  ]
  const rings = shown.rings === undefined ? '' : `🔔 ${shown.rings} · `
  const mark = rings + (shown.problems.some(isCritical) ? '(!) ' : '')
  const title = mark + parts.filter((part) => typeof part === 'string').join(' · ')
  if (document.title !== title) document.title = title
}

/** The paused feed next to another state. */
function waitingText(t: Messages, { kind }: ShownState, waiting: string | undefined): string | undefined {
  return waiting === undefined || kind === 'paused' ? waiting : `${t.states.paused[0]} · ${waiting}`
}

/** How many problems of the worst severity there are. */
export function problemsText(t: Messages, { problems }: ShownState): string | undefined {
  const critical = problems.filter(isCritical).length
  if (critical > 0) return t.signals.problems(critical)
  return problems.length > 0 ? t.signals.warnings(problems.length) : undefined
}
