import type { Problem } from '../../../shared/http-api.ts'
import { useLocale } from '../i18n/i18n.ts'
import { Icon } from '../ui/icon.tsx'
import { problemText } from '../ui/labels.tsx'

interface ProblemListProps {
  /** The worst first. */
  readonly problems: readonly Problem[]
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

function ProblemItem({ problem }: { readonly problem: Problem }) {
  const { language, t } = useLocale()
  const { severity, code, message, processId } = problem
  const text = problemText(t, problem)
  return (
    <li class={severity}>
      <Icon name="warning" />
      <div>
        <p>
          <strong>{t.health.severities[severity]}</strong> {text}
        </p>
        {/* The gateway's sentence has the figures that a translation lacks. */}
        {text !== message && (
          <p class="original" lang={language === 'en' ? undefined : 'en'}>
            {message}
          </p>
        )}
        <p class="about">
          <code>{code}</code>
          {processId !== undefined && <span> · {t.health.aboutProcess(processId.slice(0, 8))}</span>}
        </p>
      </div>
    </li>
  )
}
