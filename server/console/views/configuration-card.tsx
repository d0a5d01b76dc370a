import { useState } from 'preact/hooks'
import type { ConfigurationResponse, EffectiveSetting } from '../../../shared/http-api/configuration.ts'
import { useLocale } from '../i18n/i18n.ts'
import { asApiError } from '../state/api.ts'
import type { Api } from '../state/api.ts'
import { refusalText } from '../ui/labels.tsx'
import { useRequest } from '../ui/use-request.ts'
import { Name } from '../ui/name.tsx'

/** Which settings are in effect in each process; what differs between processes comes first. Read when it is opened. */
export function ConfigurationCard({ api }: { readonly api: Api }) {
  const { t } = useLocale()
  const { result, error, run } = useRequest<ConfigurationResponse>()
  return (
    <details
      class="card fold"
      onToggle={({ currentTarget }) => currentTarget.open && run(api.configuration(), result)}
    >
      <summary>
        <h2>{t.access.configuration}</h2>
      </summary>
      {error !== undefined && <p role="alert">{refusalText(t, asApiError(error))}</p>}
      {result === undefined && error === undefined && <p>{t.loading}</p>}
      {result !== undefined && <Settings configuration={result} />}
    </details>
  )
}

interface Value {
  readonly setting: EffectiveSetting
  /** The processes that have it. */
  readonly hosts: readonly string[]
}

function Settings({ configuration }: { readonly configuration: ConfigurationResponse }) {
  const { t } = useLocale()
  const [showsDefaults, setShowsDefaults] = useState(false)
  const { processes, differences, unanswered } = configuration
  const names = [...new Set(processes.flatMap(({ settings }) => settings.map(({ name }) => name)))]
  const isSet = (name: string): boolean =>
    processes.some(({ settings }) => settings.some((one) => one.name === name && one.origin !== 'default'))
  const shown = names
    .filter((name) => showsDefaults || isSet(name) || differences.includes(name))
    .toSorted((one, other) => Number(differences.includes(other)) - Number(differences.includes(one)))
  return (
    <>
      <ul class="runs">
        {processes.map(({ id, host, role, version, node }) => (
          <li key={id}>
            <Name text={host} /> <small>{t.health.roles[role]}</small> <code>{id.slice(0, 8)}</code> {version}{' '}
            <small>Node.js {node}</small>
          </li>
        ))}
        {unanswered.map(({ id, host, why }) => (
          <li key={id} class="wait">
            <Name text={host ?? id.slice(0, 8)} />: <span lang="en">{why}</span>
          </li>
        ))}
      </ul>
      {differences.length > 0 && <p class="wait">{t.access.differ(differences.join(', '))}</p>}
      <label class="check">
        <input
          type="checkbox"
          checked={showsDefaults}
          onChange={({ currentTarget }) => setShowsDefaults(currentTarget.checked)}
        />
        {t.access.showDefaults}
      </label>
      <div class="scroll" tabIndex={0} role="region" aria-label={t.access.configuration}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t.access.setting}</th>
              <th scope="col">{t.access.value}</th>
              <th scope="col">{t.access.origin}</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((name) => (
              <SettingRow
                key={name}
                name={name}
                values={valuesOf(configuration, name)}
                differs={differences.includes(name)}
              />
            ))}
          </tbody>
        </table>
      </div>
    </>
  )
}

interface SettingRowProps {
  readonly name: string
  readonly values: readonly Value[]
  readonly differs: boolean
}

function SettingRow({ name, values, differs }: SettingRowProps) {
  const { t } = useLocale()
  const isOne = values.length === 1
  return (
    <tr class={differs ? 'differs' : ''}>
      <th scope="row">
        <code>{name}</code>
      </th>
      <td>
        {values.map(({ setting: { value }, hosts }) => (
          <div key={hosts.join(' ')}>
            {value === null ? (
              <small>{t.access.unset}</small>
            ) : value === 'set' ? (
              <small>{t.access.secret}</small>
            ) : (
              <Name text={value} />
            )}
            {!isOne && <small> · {hosts.join(', ')}</small>}
          </div>
        ))}
      </td>
      <td>
        {values.map(({ setting: { origin }, hosts }) => (
          <div key={hosts.join(' ')}>{t.access.origins[origin]}</div>
        ))}
      </td>
    </tr>
  )
}

/** The values that a setting has, and where. */
function valuesOf({ processes }: ConfigurationResponse, name: string): Value[] {
  const values: { setting: EffectiveSetting; hosts: string[] }[] = []
  for (const { host, id, settings } of processes) {
    const setting = settings.find((one) => one.name === name)
    if (setting === undefined) continue
    const where = `${host} ${id.slice(0, 8)}`
    const known = values.find(
      (one) => one.setting.value === setting.value && one.setting.origin === setting.origin,
    )
    if (known === undefined) values.push({ setting, hosts: [where] })
    else known.hosts.push(where)
  }
  return values
}
