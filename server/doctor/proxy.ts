import { createNetworkMatcher } from '../http/client-address.ts'
import type { ForwardedState } from '../http/forwarded.ts'
import { critical, info, listed, ok, warning } from './finding.ts'
import type { Finding } from './finding.ts'

/** Others may send X-Forwarded-For as they like. */
const MIN_REQUESTS = 10
const isPrivate = createNetworkMatcher(['loopback', 'linklocal', 'uniquelocal', 'shared'])

/** Judges who has said lately for whom a request is; pure. */
export function judgeProxy(
  { untrusted, trusted, direct }: ForwardedState,
  { TRUST_PROXY }: { readonly TRUST_PROXY: readonly string[] },
): Finding[] {
  const strangers = untrusted.filter(({ requests }) => requests >= MIN_REQUESTS)
  const proxies = strangers.filter(({ address }) => isPrivate(address))
  if (proxies.length > 0) {
    const judge = trusted === 0 && direct === 0 ? critical : warning
    return [
      judge(
        'proxy',
        `requests come through ${listed(proxies.map(({ address }) => address))}, not named in TRUST_PROXY: all its clients share the limits of one`,
        'Add these addresses to TRUST_PROXY, if they are your proxies',
      ),
    ]
  }
  if (TRUST_PROXY.length > 0 && trusted === 0 && direct >= MIN_REQUESTS)
    return [
      info(
        'proxy',
        `TRUST_PROXY is set, and none of the ${direct} requests came through such a proxy with X-Forwarded-For`,
        'See whether the proxy writes X-Forwarded-For, and has one of these addresses',
      ),
    ]
  return [
    ok(
      'proxy',
      trusted > 0 ? `${trusted} requests came through proxies in TRUST_PROXY` : 'no proxy was noticed',
    ),
  ]
}
