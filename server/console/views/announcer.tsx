import { useEffect, useRef, useState } from 'preact/hooks'
import { useSpeech } from '../i18n/i18n.ts'

const ANNOUNCE_EVERY_MS = 5_000

/** Tells those who do not see the list how many recalls have come: now and then, for each by itself would never let them rest. */
export function Announcer({ count }: { readonly count: number }) {
  const { words } = useSpeech()
  const latest = useRef(count)
  const [said, setSaid] = useState({ upTo: count, more: 0 })
  latest.current = count
  useEffect(() => {
    const timer = setInterval(
      () =>
        setSaid((last) =>
          latest.current === last.upTo ? last : { upTo: latest.current, more: latest.current - last.upTo },
        ),
      ANNOUNCE_EVERY_MS,
    )
    return () => clearInterval(timer)
  }, [])
  return (
    <p class="unseen" aria-live="polite">
      {said.more > 0 && words.feed.arrived(said.more)}
    </p>
  )
}
