import type { State as ClientState, StateKind } from '../../../shared/client.ts'
import type { ShownProblem } from './health.ts'

/** The client's state, and `idle`: connected, but no rooms watched. */
export type State = ClientState | { readonly kind: 'idle'; readonly since: number }

/**
 * Of the client's states, and:
 *
 * - `no-token`: nobody has logged in.
 * - `idle`: connected, but no rooms watched.
 * - `paused`: live, but the feed is paused.
 * - `problem`: live, but recalls are lost or do not come in.
 */
type ShownKind = StateKind | 'no-token' | 'idle' | 'paused' | 'problem'

/** What the page says about itself in every view, and in its title. */
export interface ShownState {
  readonly kind: ShownKind
  readonly tone: 'good' | 'neutral' | 'wait' | 'bad'
  /** Since when, by the gateway's clock. */
  readonly sinceMs?: number
  readonly code?: string
  readonly reason?: string
  /** When the client tries again, by the viewer's clock. */
  readonly retryAtMs?: number
  /** How many recalls wait in the paused feed; undefined if it is not paused. */
  readonly waiting?: number
  /** Live, but the list of the view holds newer recalls back, for somebody who reads it. */
  readonly isHeld?: true
  /** How many rings nobody has seen yet, if there are any. */
  readonly rings?: number
  /** The worst first. */
  readonly problems: readonly ShownProblem[]
}

export const NO_TOKEN: ShownState = { kind: 'no-token', tone: 'neutral', problems: [] }

interface Known {
  readonly state: State
  readonly sinceMs: number
  readonly waiting: number | undefined
  readonly rings?: number
  readonly isHeld?: boolean
  readonly problems: readonly ShownProblem[]
}

export const isCritical = ({ severity }: ShownProblem): boolean => severity === 'critical'

/** Derives what is shown: green only if the page is live, shows what arrives, and nothing critical is known. */
export function shownState({ state, sinceMs, waiting, rings = 0, isHeld, problems }: Known): ShownState {
  const hasCritical = problems.some(isCritical)
  const kind = kindOf(state.kind, waiting !== undefined, hasCritical)
  // Without a code, the page says as much in its own language.
  const isUsual = kind === 'loading' || kind === 'catching-up'
  return {
    kind,
    tone: hasCritical ? 'bad' : TONES[kind],
    sinceMs,
    problems,
    ...(waiting !== undefined && { waiting }),
    ...(rings > 0 && { rings }),
    ...(isHeld === true && kind === 'live' && { isHeld }),
    ...(state.kind !== 'idle' && {
      ...(state.code !== undefined && { code: state.code }),
      ...(state.reason !== undefined && (!isUsual || state.code !== undefined) && { reason: state.reason }),
      ...(state.retryAtMs !== undefined && { retryAtMs: state.retryAtMs }),
    }),
  }
}

function kindOf(kind: State['kind'], isPaused: boolean, hasCritical: boolean): ShownKind {
  if (kind !== 'live' && kind !== 'idle') return kind
  if (hasCritical) return 'problem'
  return isPaused ? 'paused' : kind
}

const TONES: Readonly<Record<ShownKind, ShownState['tone']>> = {
  'no-token': 'neutral',
  connecting: 'wait',
  loading: 'wait',
  'catching-up': 'wait',
  live: 'good',
  idle: 'neutral',
  paused: 'wait',
  problem: 'bad',
  stale: 'wait',
  offline: 'wait',
  refused: 'bad',
  closed: 'bad',
}
