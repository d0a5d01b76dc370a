import { useLocale } from '../i18n/i18n.ts'
import type { ShownProblem } from '../state/health.ts'
import { Icon } from '../ui/icon.tsx'
import { problemText, refusalText } from '../ui/labels.tsx'

interface ProblemListProps {
  /** The worst first. */
  readonly problems: readonly ShownProblem[]
  /** Whether the list is of now, and of all processes. */
  readonly isComplete: boolean
}

/** What needs attention, and what to do about it. */
export function ProblemList({ problems, isComplete }: ProblemListProps) {
  const { t } = useLocale()
  if (problems.length === 0)
    return isComplete ? (
      <p class="no-problems">
        <span class="dot live">{t.health.noProblems}</span>
      </p>
    ) : null
  return (
    <section class="card problems" aria-labelledby="problems">
      <h2 id="problems">{t.health.problems}</h2>
      <ul>
        {problems.map((problem) => (
          <ProblemItem key={`${problem.code} ${problem.processId}`} problem={problem} />
        ))}
      </ul>
    </section>
  )
}

function ProblemItem({ problem }: { readonly problem: ShownProblem }) {
  const locale = useLocale()
  const { t } = locale
  const { severity, code, processId } = problem
  const text = problemText(locale, problem)
  return (
    <li class={severity}>
      <Icon name="warning" />
      <div>
        <p>
          <strong>{t.health.severities[severity] + t.signals.colon}</strong>
          {text}
        </p>
        <Particulars problem={problem} text={text} />
        <p class="about">
          <code>{code}</code>
          {processId !== undefined && <span> · {t.health.aboutProcess(processId.slice(0, 8))}</span>}
        </p>
      </div>
    </li>
  )
}

interface ParticularsProps {
  readonly problem: ShownProblem
  /** What is said already. */
  readonly text: string
}

/** Why the status is unknown; otherwise the gateway's own sentence, which has the figures that a translation lacks. */
function Particulars({ problem: { cause, message }, text }: ParticularsProps) {
  const { t } = useLocale()
  if (cause !== undefined)
    return (
      <p>
        {refusalText(t, { code: cause, message })} <code>{cause}</code>
      </p>
    )
  return text === message ? null : <p lang="en">{message}</p>
}
