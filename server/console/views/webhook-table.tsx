import { ERRORS } from '../../../shared/errors.ts'
import type { ProcessState } from '../../../shared/http-api.ts'
import { useLocale } from '../i18n/i18n.ts'
import { sumWebhooks } from '../state/webhooks.ts'
import type { WebhookCount } from '../state/webhooks.ts'

/** The webhooks that were not answered with OK, by the reason the caller was told. Nothing if all were. */
export function WebhookTable({ processes }: { readonly processes: readonly ProcessState[] }) {
  const { health } = useLocale().t
  const webhooks = sumWebhooks(processes)
  if (webhooks === undefined || webhooks.refusedCount + webhooks.failedCount === 0) return null
  return (
    <section class="card webhooks" aria-labelledby="webhooks">
      <h2 id="webhooks">{health.webhooks}</h2>
      <ul>
        <Counts label={health.failed} counts={webhooks.failed} />
        <Counts label={health.refused} counts={webhooks.refused} />
      </ul>
    </section>
  )
}

interface CountsProps {
  readonly label: string
  readonly counts: readonly WebhookCount[]
}

function Counts({ label, counts }: CountsProps) {
  const { number } = useLocale()
  return (
    <>
      {counts.map(({ code, count }) => (
        <li key={code}>
          <strong>{number(count)}</strong> <span>{label}</span> <code>{code}</code>
          <span lang="en">{textOf(code)}</span>
        </li>
      ))}
    </>
  )
}

const textOf = (code: string): string | undefined => {
  const known: Readonly<Partial<Record<string, { readonly text: string }>>> = ERRORS
  return known[code]?.text
}
