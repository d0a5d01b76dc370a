import { useEffect, useState } from 'preact/hooks'
import { quoteValue } from '../../../shared/filter.ts'
import type { Recalled, TopResponse } from '../../../shared/http-api/top.ts'
import { useLocale } from '../i18n/i18n.ts'
import { address } from '../state/address.ts'
import type { Api } from '../state/api.ts'
import { asRefusal, Failure } from '../ui/labels.tsx'
import { Menu } from '../ui/menu.tsx'
import { Name } from '../ui/name.tsx'
import { useRequest } from '../ui/use-request.ts'

const SPANS_S = [3_600, 86_400, 604_800] as const
/** The gateway tells of 20; a panel has room for these. */
const MAX_LISTED = 8

interface BusiestProps {
  readonly api: Api
  readonly q: string
}

/** Where and by whom most was recalled lately; a click adds the term that shows these recalls. */
export function Busiest({ api, q }: BusiestProps) {
  const { t } = useLocale()
  return (
    <Menu icon="busiest" label={t.find.busiest.button} class="busiest">
      <Panel api={api} q={q} />
    </Menu>
  )
}

function Panel({ api, q }: BusiestProps) {
  const { t } = useLocale()
  const texts = t.find.busiest
  const [forS, setFor] = useState<number>(SPANS_S[0])
  const { result, error, run } = useRequest<TopResponse>()
  useEffect(() => run(api.top(forS)), [forS])
  const onPick = (key: 'group' | 'operator', name: string): void =>
    address.set({ q: `${q.trim()} ${key}:${quoteValue(name)}`.trim() }, 'push')
  return (
    <>
      <label>
        {texts.span}
        <select value={forS} onChange={({ currentTarget: { value } }) => setFor(Number(value))}>
          {SPANS_S.map((s, i) => (
            <option key={s} value={s}>
              {texts.spans[i]}
            </option>
          ))}
        </select>
      </label>
      {error !== undefined && <Failure refusal={asRefusal(error)} />}
      {result !== undefined && (
        <>
          {!result.complete && <p class="hint">{texts.partial(result.searched.entries)}</p>}
          <Ranking
            title={texts.groups}
            rows={result.groups.map(({ group, ...recalled }) => [group, recalled])}
            onPick={(name) => onPick('group', name)}
          />
          <Ranking
            title={texts.operators}
            rows={result.operators.map(({ operator, ...recalled }) => [operator, recalled])}
            onPick={(name) => onPick('operator', name)}
          />
        </>
      )}
      <p class="hint">{texts.hint}</p>
    </>
  )
}

interface RankingProps {
  readonly title: string
  readonly rows: readonly (readonly [name: string, recalled: Recalled])[]
  readonly onPick: (name: string) => void
}

/** Names with how much was recalled, the most first. */
function Ranking({ title, rows, onPick }: RankingProps) {
  const { t } = useLocale()
  const { busiest } = t.find
  return (
    <section aria-label={title}>
      <h3>{title}</h3>
      {rows.length === 0 && <p class="hint">{busiest.none}</p>}
      <ol>
        {rows.slice(0, MAX_LISTED).map(([name, { recalls, messages }]) => (
          <li key={name}>
            <button type="button" class="plain" onClick={() => onPick(name)}>
              <Name text={name} /> <small>{busiest.count(recalls, messages)}</small>
            </button>
          </li>
        ))}
      </ol>
    </section>
  )
}
