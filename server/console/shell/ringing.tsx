import { LOCALES, useLocale } from '../i18n/i18n.ts'
import type { Language } from '../i18n/i18n.ts'
import { address } from '../state/address.ts'
import type { Store } from '../state/store.ts'
import { visibleText } from '../state/visible-text.ts'
import { Icon } from '../ui/icon.tsx'
import { Name } from '../ui/name.tsx'
import { ringText } from '../ui/ring-text.ts'
import { Ringer } from '../ui/ringer.ts'

/** A page has one bell. */
export const ringer = new Ringer()

/** How a page is connected that hears recalls: also while it catches up with what it has missed. */
const LISTENING: readonly string[] = ['loading', 'catching-up', 'live']

/** Lets the page make noise as long as it hears recalls that may ring; otherwise, another tab of this browser does. */
export function keepRinging(store: Store | undefined): void {
  const isConnected = store !== undefined && LISTENING.includes(store.watchedRooms.state.kind)
  ringer.listen(isConnected && store.isAdmin && store.rings.rules.length > 0)
}

/** Lets a store ring, in whichever view. */
export function startRinging(store: Store, language: () => Language): void {
  const { rings } = store
  store.onRing = (ring, rule) => {
    const { t } = LOCALES[language()]
    const texts = { title: `${t.title}: ${visibleText(rule.name)}`, body: ringText(t, ring, rule) }
    ringer.ring(ring, rule, texts, () => {
      const place = ring.rung.at(-1)?.place
      if (place === undefined) address.go('rings')
      else address.go('feed', { open: place })
    })
  }
  // Browsers let a page sound only after it was used: by a finger, only once that is lifted.
  const onUse = (): void => {
    if (!ringer.canSound && rings.rules.some(({ hasSound }) => hasSound)) void ringer.enableSound()
  }
  for (const use of ['pointerup', 'click', 'keydown']) addEventListener(use, onUse)
  addEventListener('pagehide', () => rings.save())
  // A browser that needs memory drops a hidden page without a word.
  document.addEventListener('visibilitychange', () => rings.save())
  // Another tab has changed the rules.
  addEventListener('storage', () => rings.readRules())
}

/** The latest ring that nobody has seen, over whichever view is open. */
export function RingBanner({ store: { rings } }: { readonly store: Store }) {
  const { t } = useLocale()
  const [latest] = rings.unseen
  const rule = rings.rules.find(({ name }) => name === latest?.rule)
  return (
    <div class="ring-banner" role="alert">
      {latest !== undefined && address.view !== 'rings' && (
        <div class="card">
          <Icon name="rings" />
          <p>
            <strong>
              <Name text={latest.rule} />
            </strong>{' '}
            {ringText(t, latest, rule)}
          </p>
          <a href={address.hrefOf('rings', {})} title={t.rings.see}>
            {t.rings.unseen(rings.unseen.length)}
          </a>
          <button
            type="button"
            class="plain"
            aria-label={t.rings.dismiss}
            title={t.rings.dismiss}
            onClick={() => rings.markSeen()}
          >
            <Icon name="close" />
          </button>
        </div>
      )}
    </div>
  )
}
