interface EventSource {
  readonly addEventListener?: (name: string, listener: (event: never) => void) => void
  readonly removeEventListener?: (name: string, listener: (event: never) => void) => void
}
interface Page extends EventSource {
  readonly document?: EventSource & { readonly visibilityState?: string }
  readonly navigator?: { readonly onLine?: boolean }
  readonly location?: { readonly protocol: string }
}

interface Violation {
  readonly blockedURI?: string
  readonly disposition?: string
  readonly effectiveDirective?: string
}

/** Of a page or a worker. Node and React Native have few of its parts, or none. */
const page = globalThis as unknown as Page

interface EnvironmentEvents {
  /** The device, the network or the page may be back, or the network gone: a hint to check. */
  readonly onHint: () => void
  /** The page's Content-Security-Policy forbids a connection. `blocked` is its address, perhaps without its path. */
  readonly onBlocked: (blocked: string) => void
}

/** Returns a function that removes the listeners. */
export function listenToEnvironment({ onHint, onBlocked }: EnvironmentEvents): () => void {
  const { document } = page
  const onVisibility = (): void => {
    if (document?.visibilityState === 'visible') onHint()
  }
  const onViolation = ({ blockedURI = '', disposition, effectiveDirective }: Violation): void => {
    if (disposition !== 'report' && effectiveDirective === 'connect-src') onBlocked(blockedURI)
  }
  const listeners: [EventSource | undefined, string, (event: never) => void][] = [
    [page, 'online', onHint],
    // Wrong on devices with several networks: a reason to look, not a proof.
    [page, 'offline', onHint],
    // From the back/forward cache.
    [page, 'pageshow', onHint],
    [document, 'visibilitychange', onVisibility],
    // A frozen page goes on.
    [document, 'resume', onHint],
    // In a page, those of the document reach the window too.
    [page, 'securitypolicyviolation', onViolation],
  ]
  for (const [source, name, listener] of listeners) source?.addEventListener?.(name, listener)
  return () => {
    for (const [source, name, listener] of listeners) source?.removeEventListener?.(name, listener)
  }
}

/** Whether the browser says that there is no network. */
export const isOffline = (): boolean => page.navigator?.onLine === false

/** Whether the page was served over HTTPS. */
export const isSecurePage = (): boolean => page.location?.protocol === 'https:'
