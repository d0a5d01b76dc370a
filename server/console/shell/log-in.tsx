import type { ComponentChildren, TargetedSubmitEvent } from 'preact'
import { useLocale } from '../i18n/i18n.ts'
import type { Language } from '../i18n/i18n.ts'
import type { ApiError } from '../state/api.ts'
import type { Session } from '../state/session.ts'
import type { Store } from '../state/store.ts'
import { visibleText } from '../state/visible-text.ts'
import { fieldValue } from '../ui/form.tsx'
import { Failure } from '../ui/labels.tsx'
import { Brand, EnvironmentBadge, Switches } from './side-bar.tsx'
import { StateBadge } from './top-bar.tsx'

interface LogInProps {
  readonly session: Session
  readonly onLanguage: (language: Language) => void
}

/** The whole page until the gateway has said who the viewer is. */
export function LogIn({ session, onLanguage }: LogInProps) {
  const { t } = useLocale()
  const { shown, signIn } = session
  return (
    <main class="log-in">
      <div class="card">
        <h1>
          <Brand />
          <EnvironmentBadge name={signIn.environment} />
        </h1>
        <p>{t.token.intro}</p>
        {(shown.kind !== 'no-token' || signIn.address === undefined) && <StateBadge shown={shown} />}
        <SignInError session={session} />
        {session.asked !== undefined && <FromLink session={session} user={session.asked} />}
        {signIn.isKnown && shown.kind !== 'connecting' && <WaysIn session={session} />}
      </div>
      <div class="switches">
        <Switches onLanguage={onLanguage} />
      </div>
    </main>
  )
}

/** Asks who comes by a link with a token. */
function FromLink({ session, user }: { readonly session: Session; readonly user: string }) {
  const { t } = useLocale()
  const name = visibleText(user)
  return (
    <>
      <p role="alert">{t.access.fromLink(name)}</p>
      <button type="button" onClick={() => session.accept()}>
        {t.access.change(name)}
      </button>
    </>
  )
}

function SignInError({ session }: { readonly session: Session }) {
  const { t } = useLocale()
  if (session.signInError === undefined) return null
  return <p role="alert">{t.access.signInFailed(visibleText(session.signInError))}</p>
}

/** The sign-in of the app, if there is one, and otherwise a field for a token. */
function WaysIn({ session }: { readonly session: Session }) {
  const { t } = useLocale()
  const { address } = session.signIn
  const form = <TokenForm onToken={(token) => session.logIn(token)} />
  if (address === undefined) return form
  return (
    <>
      <div class="sign-in">
        <a class="button" href={address} onClick={() => session.signIn.leave('here')}>
          {t.access.signIn}
        </a>
        <p class="hint">{t.access.signInHint}</p>
      </div>
      <details>
        <summary>{t.access.withToken}</summary>
        {form}
      </details>
    </>
  )
}

interface PromptProps {
  readonly session: Session
  readonly store: Store
}

/**
 * Asks for another token before the current one expires, and after it was refused, and whose token to use if a link has brought one.
 * Text that was typed already stays.
 */
export function SessionPrompt(props: PromptProps) {
  const { session } = props
  return (
    <>
      {session.refusal !== undefined && <RefusedToken session={session} refusal={session.refusal} />}
      <TokenPrompt {...props} />
    </>
  )
}

function TokenPrompt({ session, store }: PromptProps) {
  const { t, timeOfDay } = useLocale()
  const { isRefused } = store.watchedRooms
  const expiresAtMs = store.expiresSoonAtMs
  if (session.offered !== undefined)
    return <OfferPrompt session={session} store={store} user={session.offered.user} />
  if (!isRefused && expiresAtMs === undefined) return <TakenElsewhere session={session} />
  const { address } = session.signIn
  return (
    <div class="token-prompt card">
      {!isRefused && expiresAtMs !== undefined && (
        <p role="alert" title={address === undefined ? t.token.renewHint : undefined}>
          <strong>{t.token.expiresAt(timeOfDay(expiresAtMs))}</strong>
        </p>
      )}
      {address === undefined ? (
        <TokenForm onToken={(token) => session.logIn(token)} hasHint={false} />
      ) : (
        <>
          <div class="sign-in">
            <a
              class="button"
              href={address}
              target="_blank"
              rel="noopener noreferrer"
              onClick={() => session.signIn.leave('in another tab')}
            >
              {t.access.signInAgain}
            </a>
            <p class="hint">{t.access.signInAgainHint}</p>
          </div>
          <details>
            <summary>{t.access.withToken}</summary>
            <TokenForm onToken={(token) => session.logIn(token)} hasHint={false} />
          </details>
        </>
      )}
    </div>
  )
}

interface OfferPromptProps extends PromptProps {
  /** Whose token the gateway says it is. */
  readonly user: string
}

function OfferPrompt({ session, store, user }: OfferPromptProps) {
  const { t } = useLocale()
  const [other, own] = [visibleText(user), visibleText(store.user)]
  return (
    <div class="token-prompt card">
      <p role="alert">{t.access.offered(other, own)}</p>
      <div class="choices">
        <button type="button" onClick={() => session.decide(false)}>
          {t.access.stay(own)}
        </button>
        <button type="button" class="quiet" onClick={() => session.decide(true)}>
          {t.access.change(other)}
        </button>
      </div>
    </div>
  )
}

interface RefusedTokenProps {
  readonly session: Session
  readonly refusal: ApiError
}

/** Says why a token that a link has brought, or that was entered, was not taken. */
function RefusedToken({ session, refusal }: RefusedTokenProps) {
  const { t } = useLocale()
  return (
    <DismissibleCard session={session}>
      <p>{t.access.notTaken}</p>
      <Failure refusal={refusal} />
    </DismissibleCard>
  )
}

/** In a tab that was only there to sign in again. */
function TakenElsewhere({ session }: { readonly session: Session }) {
  const { t } = useLocale()
  if (!session.isTakenElsewhere) return null
  return (
    <DismissibleCard session={session}>
      <p role="status">{t.access.takenElsewhere}</p>
    </DismissibleCard>
  )
}

interface DismissibleCardProps {
  readonly session: Session
  readonly children: ComponentChildren
}

function DismissibleCard({ session, children }: DismissibleCardProps) {
  const { t } = useLocale()
  return (
    <div class="token-prompt card">
      {children}
      <div class="choices">
        <button type="button" class="quiet" onClick={() => session.dismiss()}>
          {t.access.dismiss}
        </button>
      </div>
    </div>
  )
}

interface TokenFormProps {
  readonly onToken: (token: string) => void
  readonly hasHint?: boolean
}

function TokenForm({ onToken, hasHint = true }: TokenFormProps) {
  const { t } = useLocale()
  const onSubmit = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault()
    const token = fieldValue(event.currentTarget, 'token').trim()
    event.currentTarget.reset()
    if (token !== '') onToken(token)
  }
  return (
    <form class="token-form" onSubmit={onSubmit}>
      <label>
        {t.token.label}
        <input
          name="token"
          type="password"
          required
          autocomplete="off"
          spellcheck={false}
          aria-describedby={hasHint ? 'token-hint' : undefined}
        />
      </label>
      <button type="submit">{t.token.connect}</button>
      {hasHint && (
        <p id="token-hint" class="hint">
          {t.token.hint}
        </p>
      )}
    </form>
  )
}
