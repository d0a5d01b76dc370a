import { LOCALES, useLocale } from '../i18n/i18n.ts'
import type { Language } from '../i18n/i18n.ts'
import { address } from '../state/address.ts'
import type { Store } from '../state/store.ts'
import { Icon } from '../ui/icon.tsx'
import { ringText } from '../ui/ring-text.ts'
import { Ringer } from '../ui/ringer.ts'

/** A page has one bell. */
export const ringer = new Ringer()

/** Lets a store ring, in whichever view. */
export function startRinging(store: Store, language: () => Language): void {
  const { rings } = store
  store.onRing = (ring, rule) => {
    const { t } = LOCALES[language()]
    const texts = { title: `${t.title}: ${rule.name}`, body: ringText(t, ring, rule) }
    ringer.ring(ring, rule, texts, () => {
      const place = ring.rung.at(-1)?.place
      if (place === undefined) address.go('rings')
      else address.go('feed', { open: place })
    })
  }
  // Browsers let a page sound only after it was used.
  const onUse = (): void => {
    if (!ringer.canSound && rings.rules.some(({ hasSound }) => hasSound)) void ringer.enableSound()
  }
  addEventListener('pointerdown', onUse)
  addEventListener('keydown', onUse)
  addEventListener('pagehide', () => rings.save())
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
              <bdi>{latest.rule}</bdi>
            </strong>{' '}
            {ringText(t, latest, rule)}
            <small>{t.rings.unseen(rings.unseen.length)}</small>
          </p>
          <a href={address.hrefOf('rings', {})}>{t.rings.see}</a>
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
