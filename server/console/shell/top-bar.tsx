import { useEffect, useState } from 'preact/hooks'
import { useLocale } from '../i18n/i18n.ts'
import { isCritical } from '../state/shown-state.ts'
import type { ShownState } from '../state/shown-state.ts'
import { Icon } from '../ui/icon.tsx'
import { problemsText, stateText } from './state-text.ts'

interface TopBarProps {
  readonly shown: ShownState
  readonly title: string
  /** Connects now, instead of when the client would. */
  readonly onTryNow: () => void
}

/** Shows the state next to every view's title: nobody should read a list without knowing whether it is live. */
export function TopBar({ shown, title, onTryNow }: TopBarProps) {
  return (
    <div class={`top-bar ${shown.kind} ${shown.tone}`}>
      <h1>{title}</h1>
      <div class="signals">
        <StateBadge shown={shown} />
        {shown.kind !== 'paused' && <PausedBadge shown={shown} />}
        {shown.kind === 'offline' && <NextTry retryAtMs={shown.retryAtMs} onTryNow={onTryNow} />}
        <ProblemBadge shown={shown} />
      </div>
    </div>
  )
}

/** Says in words, not only by color, whether the page is live and complete. */
export function StateBadge({ shown }: { readonly shown: ShownState }) {
  const locale = useLocale()
  const { label, waiting, detail } = stateText(locale, shown)
  const paused = locale.t.states.paused[0]
  return (
    <p
      role="status"
      aria-live="polite"
      class={`state ${shown.kind} ${shown.tone} ${shown.isHeld ? 'held' : ''}`}
      title={detail}
    >
      {shown.kind !== 'paused' && <strong>{label}</strong>}{' '}
      {shown.kind === 'paused' && waiting !== undefined && <Waiting paused={paused} waiting={waiting} />}{' '}
      <span>{detail}</span>
    </p>
  )
}

/** That the feed is paused, next to another state. */
function PausedBadge({ shown }: { readonly shown: ShownState }) {
  const locale = useLocale()
  const { waiting } = stateText(locale, shown)
  if (waiting === undefined) return null
  return (
    <p class="state">
      <Waiting paused={locale.t.states.paused[0]} waiting={waiting} />
    </p>
  )
}

/** Screen readers hear of the pause alone: the count may change with every frame. */
function Waiting({ paused, waiting }: { readonly paused: string; readonly waiting: string }) {
  return (
    <strong class="waiting">
      <span class="visually-hidden">{paused}</span>
      <span aria-hidden="true">
        {paused} · {waiting}
      </span>
    </strong>
  )
}

interface NextTryProps {
  readonly retryAtMs: number | undefined
  readonly onTryNow: () => void
}

/** When the client tries to connect next. Not part of the status: screen readers would read every second aloud. */
function NextTry({ retryAtMs, onTryNow }: NextTryProps) {
  const { t } = useLocale()
  const [, setSecond] = useState(0)
  useEffect(() => {
    const timer = setInterval(() => setSecond((second) => second + 1), 1_000)
    return () => clearInterval(timer)
  }, [])
  // Without a time, an attempt is under way.
  const s = retryAtMs === undefined ? 0 : Math.ceil((retryAtMs - Date.now()) / 1_000)
  return (
    <p class="next-try">
      <span>{t.signals.nextTry(s)}</span>
      <button type="button" class="quiet" onClick={onTryNow}>
        {t.signals.tryNow}
      </button>
    </p>
  )
}

/** How many problems the gateway knows of, in every view. Leads to Health, which says what to do about them. */
function ProblemBadge({ shown }: { readonly shown: ShownState }) {
  const { t } = useLocale()
  const text = problemsText(t, shown)
  const isBad = shown.problems.some(isCritical)
  return (
    <p role="alert" class="problem-badge">
      {text !== undefined && (
        <a href="#health" class={isBad ? 'bad' : 'wait'} aria-label={`${text}, ${t.signals.seeHealth}`}>
          <Icon name="warning" />
          {text}
        </a>
      )}
    </p>
  )
}
