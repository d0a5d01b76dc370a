import { useEffect, useRef, useState } from 'preact/hooks'
import type { QuarantinedWhole } from '../../../shared/http-api/quarantine.ts'
import { useLocale } from '../i18n/i18n.ts'
import { address } from '../state/address.ts'
import { bodyText } from '../state/body-text.ts'
import { folderOf } from '../state/quarantine.ts'
import type { Store } from '../state/store.ts'
import { Failure } from '../ui/labels.tsx'
import { Name } from '../ui/name.tsx'
import { Field, SidePanel } from '../ui/side-panel.tsx'
import { OutcomeText } from './quarantine-outcome.tsx'
import { ReceiverName } from './receiver-name.tsx'

/** The entry that is open, whole. */
export function QuarantineDetails({ store }: { readonly store: Store }) {
  const { t } = useLocale()
  const { quarantine } = store
  const { whole, openFailure, outcome } = quarantine
  return (
    <SidePanel
      title={t.quarantine.entry}
      class="quarantined"
      onClose={() => address.set({ entry: undefined }, 'push')}
    >
      {openFailure !== undefined && <Failure refusal={openFailure} />}
      {whole === undefined && openFailure === undefined && <p class="loading">{t.loading}</p>}
      {whole !== undefined && <Actions store={store} whole={whole} />}
      {outcome !== undefined && <OutcomeText outcome={outcome} />}
      {whole !== undefined && <Fields store={store} whole={whole} />}
      {whole !== undefined && <Body whole={whole} />}
    </SidePanel>
  )
}

interface WholeProps {
  readonly store: Store
  readonly whole: QuarantinedWhole
}

/** Dropping asks again: nothing brings the entry back. */
function Actions({ store: { quarantine }, whole: { id, kind } }: WholeProps) {
  const { t } = useLocale()
  const [isAsking, setAsking] = useState(false)
  const keep = useRef<HTMLButtonElement>(null)
  useEffect(() => {
    if (isAsking) keep.current?.focus()
  }, [isAsking])
  if (isAsking)
    return (
      <div class="actions asking" role="group" aria-label={t.quarantine.dropQuestion}>
        <p>
          <strong>{t.quarantine.dropQuestion}</strong> {t.quarantine.dropWarning}
        </p>
        <button
          type="button"
          class="danger"
          disabled={quarantine.isBusy}
          onClick={() => void quarantine.drop(id)}
        >
          {t.quarantine.dropForGood}
        </button>
        <button ref={keep} type="button" class="quiet" onClick={() => setAsking(false)}>
          {t.quarantine.keep}
        </button>
      </div>
    )
  return (
    <div class="actions">
      {kind !== 'rotten' && (
        <button type="button" disabled={quarantine.isBusy} onClick={() => void quarantine.retry(id)}>
          {t.quarantine.retry}
        </button>
      )}
      <button type="button" class="quiet" onClick={() => setAsking(true)}>
        {t.quarantine.drop}
      </button>
    </div>
  )
}

function Fields({ store, whole }: WholeProps) {
  const { t, dateTime } = useLocale()
  const { fields } = t.quarantine
  const { id, kind, reason, receivedAtMs, quarantinedAtMs, command, method, path, contentType, query } = whole
  return (
    <dl>
      <Field name={fields.reason}>
        <Name lang="en" text={reason} />
      </Field>
      <Field name={fields.kind}>{t.quarantine.kinds[kind]}</Field>
      {command !== undefined && (
        <Field name={fields.command}>
          <Name text={command} />
        </Field>
      )}
      <Field name={fields.received}>{dateTime(receivedAtMs)}</Field>
      <Field name={fields.quarantined}>{dateTime(quarantinedAtMs)}</Field>
      <Field name={fields.receiver}>
        <ReceiverName store={store} folder={folderOf(id)} />
      </Field>
      {[
        [fields.method, method],
        [fields.path, path],
        [fields.contentType, contentType],
        [fields.query, query],
        [fields.id, id],
      ].map(
        ([name, value]) =>
          value !== undefined &&
          value !== '' && (
            <Field key={name} name={name ?? ''}>
              <Name class="code" text={value} />
            </Field>
          ),
      )}
    </dl>
  )
}

/** As text, whatever is in it. */
function Body({ whole }: { readonly whole: QuarantinedWhole }) {
  const { t } = useLocale()
  const [asReceived, setAsReceived] = useState(false)
  const { form, text, omitted, isEscaped } = bodyText(whole, asReceived)
  return (
    <>
      <h3>
        {t.quarantine.body} <small>{t.quarantine.bytes(whole.bytes)}</small>
      </h3>
      {(form === 'json' || asReceived) && (
        <label class="check">
          <input
            type="checkbox"
            checked={asReceived}
            onChange={({ currentTarget: { checked } }) => setAsReceived(checked)}
          />
          {t.quarantine.asReceived}
        </label>
      )}
      {form === 'hex' && <p class="hint">{t.quarantine.notUtf8}</p>}
      {form === 'none' ? (
        <p class="hint">{t.quarantine.noBody}</p>
      ) : (
        <pre class="body" tabIndex={0} dir="ltr" aria-label={t.quarantine.body}>
          {text}
        </pre>
      )}
      {isEscaped && <p class="hint">{t.quarantine.escaped}</p>}
      {omitted > 0 && <p class="hint">{t.quarantine.omitted(omitted)}</p>}
    </>
  )
}
