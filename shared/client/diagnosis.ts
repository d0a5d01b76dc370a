import { explainConnectError, noAnswer } from './failure.ts'
import type { Failure } from './failure.ts'
import { ANSWERS_OVER_HTTP, probe } from './probe.ts'

/** A first failure is often over with the next attempt. Asking would only add to the load of an outage. */
const FIRST_PROBE_AT = 2
/** Between two probes; up to twice as long, so that clients that failed together do not ask together. */
const PROBE_INTERVAL_MS = 30_000

/** Do not pass by themselves: somebody must change a setting, the page or the network. */
const LASTING = [
  'ORIGIN_REFUSED',
  'TLS_FAILED',
  'WRONG_PATH',
  'NOT_A_GATEWAY',
  'WEBSOCKET_BLOCKED',
  'MIXED_CONTENT',
  'CSP_BLOCKED',
]

/** Whether a failure should be told as an error: waiting alone will not mend it. */
export const isLasting = ({ code }: Failure): boolean => LASTING.includes(code)

/** Finds out why no connection opens: from errors, from the page's policy, and by asking over HTTP. */
export class Diagnosis {
  readonly #address: string
  readonly #onFound: (failure: Failure) => void
  #failures = 0
  #nextProbeAtMs = -Infinity
  #probe: AbortController | undefined
  /** What was found since the last connection. It holds for errors that say nothing themselves. */
  #found: Failure | undefined

  /** `address` is that of the Socket.IO server, over HTTP. `onFound` receives what was found out after `explain`. */
  constructor(address: string, onFound: (failure: Failure) => void) {
    this.#address = address
    this.#onFound = onFound
  }

  /** Explains a failed attempt as far as it is known. What is found out later goes to `onFound`. */
  explain(error: Error): Failure {
    this.#failures++
    if (this.#found?.code === 'CSP_BLOCKED') return this.#found
    const { isVague, ...failure } = explainConnectError(error, this.#address)
    return isVague ? this.#ask(failure) : failure
  }

  /** The same for an attempt that failed without an error. */
  explainSilence(reason: string): Failure {
    this.#failures++
    return this.#ask(noAnswer(reason))
  }

  /** The page's Content-Security-Policy forbids an address, which may be that of the gateway. */
  onBlocked(blocked: string): void {
    const { host } = new URL(this.#address)
    if (this.#found?.code === 'CSP_BLOCKED' || !blocked.includes(`//${host}`)) return
    this.#found = {
      code: 'CSP_BLOCKED',
      reason: `the Content-Security-Policy of the page forbids it: connect-src must name ${blocked}`,
    }
    this.#onFound(this.#found)
  }

  /** Forgets, because a connection is open, or because the client is to be left alone. */
  reset(): void {
    this.#failures = 0
    this.#found = undefined
    this.#probe?.abort()
    this.#probe = undefined
  }

  #ask(vague: Failure): Failure {
    this.#probeIfDue()
    return this.#found ?? vague
  }

  #probeIfDue(): void {
    const nowMs = Date.now()
    if (this.#failures < FIRST_PROBE_AT || this.#probe !== undefined || nowMs < this.#nextProbeAtMs) return
    this.#nextProbeAtMs = nowMs + PROBE_INTERVAL_MS * (1 + Math.random())
    const controller = new AbortController()
    this.#probe = controller
    void probe(`${this.#address}?EIO=4&transport=websocket`, controller.signal).then((failure) => {
      if (this.#probe !== controller) return
      this.#probe = undefined
      if (failure === undefined || this.#found?.code === 'CSP_BLOCKED') return
      this.#found = failure
      // The gateway may just have come back: only if the next attempt fails, it is true.
      if (failure !== ANSWERS_OVER_HTTP) this.#onFound(failure)
    })
  }
}
