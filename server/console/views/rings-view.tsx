import { useEffect, useState } from 'preact/hooks'
import { formatFilter, parseFilter } from '../../../shared/filter.ts'
import type { Filter } from '../../../shared/filter.ts'
import type { Messages } from '../i18n/en.ts'
import { useLocale } from '../i18n/i18n.ts'
import { address } from '../state/address.ts'
import type { RingRule } from '../state/ring-rules.ts'
import type { Rings } from '../state/rings.ts'
import type { Ring, Rung } from '../state/rung.ts'
import type { Store } from '../state/store.ts'
import { Icon } from '../ui/icon.tsx'
import { Timestamp } from '../ui/labels.tsx'
import { Name } from '../ui/name.tsx'
import { ringText, ruleText } from '../ui/ring-text.ts'
import { allowNotifications, notificationState } from '../ui/ringer.ts'
import type { Ringer } from '../ui/ringer.ts'
import { RingForm } from './ring-form.tsx'

interface RingsViewProps {
  readonly store: Store
  readonly ringer: Ringer
}

/** What rings, and what has rung. */
export function RingsView({ store: { rings, isAdmin }, ringer }: RingsViewProps) {
  const { t } = useLocale()
  const [edited, setEdited] = useState<RingRule>()
  useEffect(() => rings.markSeen(), [rings.unseen.length])
  if (!isAdmin) return <p class="empty">{t.rings.adminsOnly}</p>
  return (
    <div class="pad rings">
      <p class="hint">{t.rings.intro}</p>
      <Abilities ringer={ringer} listens={rings.rules.length > 0} />
      <RuleList rings={rings} onEdit={setEdited} />
      <RingForm
        key={`${edited?.name} ${address.parts.q}`}
        rule={edited}
        q={address.parts.q ?? ''}
        onSave={(rule) => {
          const isSaved = rings.setRule(rule, edited?.name)
          if (isSaved) {
            // The noise that was asked for must be possible. This is a click.
            if (rule.hasSound) void ringer.enableSound()
            setEdited(undefined)
          }
          return isSaved
        }}
      />
      <History rings={rings} />
    </div>
  )
}

/** Whether this browser lets the page make noise, and what to do if it does not. */
function Abilities({ ringer, listens }: { readonly ringer: Ringer; readonly listens: boolean }) {
  const { t } = useLocale()
  const [, setAsked] = useState(0)
  const render = (): void => setAsked((count) => count + 1)
  const state = notificationState()
  return (
    <div class="card abilities">
      <p>
        <Icon name={state === 'granted' ? 'check' : 'warning'} />
        <span>{t.rings.notifications[state]}</span>
        {state === 'default' && (
          <button type="button" class="quiet small" onClick={() => void allowNotifications().then(render)}>
            {t.rings.notifications.allow}
          </button>
        )}
      </p>
      <p>
        <Icon name={ringer.canSound ? 'check' : 'warning'} />
        <span>{soundText(t.rings, ringer, listens)}</span>
        <button
          type="button"
          class="quiet small"
          onClick={() =>
            void ringer.enableSound().then(() => {
              ringer.sound()
              render()
            })
          }
        >
          {t.rings.sound.test}
        </button>
      </p>
    </div>
  )
}

function soundText({ sound }: Messages['rings'], ringer: Ringer, listens: boolean): string {
  if (!ringer.canSound) return sound.off
  return listens && !ringer.sounds ? sound.elsewhere : sound.on
}

interface RuleListProps {
  readonly rings: Rings
  readonly onEdit: (rule: RingRule) => void
}

function RuleList({ rings, onEdit }: RuleListProps) {
  const { t } = useLocale()
  return (
    <section class="card rules" aria-labelledby="rules">
      <h2 id="rules">{t.rings.rules}</h2>
      {rings.rules.length === 0 && <p class="hint">{t.rings.noRules}</p>}
      <ul>
        {rings.rules.map((rule) => (
          <li key={rule.name}>
            <p>
              <strong>
                <Name text={rule.name} />
              </strong>{' '}
              {rule.q === '' ? (
                t.rings.rule.all
              ) : (
                <code>
                  <Name text={rule.q} />
                </code>
              )}
              <small>
                {[
                  ruleText(t, rule),
                  ...(rule.hasSound ? [t.rings.hasSound] : []),
                  ...(rule.notifies ? [t.rings.notifies] : []),
                ].join(' · ')}
              </small>
            </p>
            <span class="actions">
              <button type="button" class="quiet small" onClick={() => onEdit(rule)}>
                {t.rings.edit}
              </button>
              <button type="button" class="quiet small" onClick={() => rings.dropRule(rule.name)}>
                {t.rings.remove}
              </button>
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}

function History({ rings }: { readonly rings: Rings }) {
  const { t } = useLocale()
  return (
    <section class="card rung" aria-labelledby="rung">
      <header>
        <h2 id="rung">{t.rings.history}</h2>
        {rings.rings.length > 0 && (
          <button type="button" class="quiet small" onClick={() => rings.clear()}>
            {t.rings.clear}
          </button>
        )}
      </header>
      {rings.rings.length === 0 && <p class="hint">{t.rings.none}</p>}
      <ul>
        {rings.rings.map((ring) => (
          <RungItem key={ring.id} ring={ring} rule={rings.rules.find(({ name }) => name === ring.rule)} />
        ))}
      </ul>
    </section>
  )
}

interface RungItemProps {
  readonly ring: Ring
  /** Undefined if it was removed since. */
  readonly rule: RingRule | undefined
}

/** A ring leads to its first and latest recall, and to a search for all of them. */
function RungItem({ ring, rule }: RungItemProps) {
  const { t } = useLocale()
  const [first] = ring.rung
  const latest = ring.rung.at(-1)
  const q = searchFor(ring, rule)
  return (
    <li>
      <Timestamp atMs={ring.atMs} />
      <p>
        <strong>
          <Name text={ring.rule} />
        </strong>{' '}
        {ringText(t, ring, rule)}
        {ring.isLate && <small>{t.rings.ring.late}</small>}
      </p>
      <span class="links">
        {first !== undefined && first !== latest && <RungLink rung={first} text={t.rings.ring.first} />}
        {latest !== undefined && <RungLink rung={latest} text={t.rings.ring.latest} />}
        {q !== undefined && <a href={address.hrefOf('feed', { q })}>{t.rings.ring.find}</a>}
      </span>
    </li>
  )
}

const RungLink = ({ rung, text }: { readonly rung: Rung; readonly text: string }) => (
  <a href={address.hrefOf('feed', { open: rung.place })}>{text}</a>
)

/** What the rule listens to, and of a burst who or what it is of. */
function searchFor({ burst }: Ring, rule: RingRule | undefined): string | undefined {
  const parsed = parseFilter(rule?.q ?? '')
  if (!parsed.ok || rule === undefined) return undefined
  const ofBurst: Filter['terms'] =
    burst === undefined || burst.per === 'all'
      ? []
      : [{ excludes: false, key: burst.per, values: new Set([burst.of]) }]
  return formatFilter({ terms: [...parsed.filter.terms, ...ofBurst] })
}
