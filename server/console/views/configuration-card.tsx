import { useState } from 'preact/hooks'
import type { ConfigurationResponse, ProcessConfiguration } from '../../../shared/http-api/configuration.ts'
import { settingsInEffect } from '../../../shared/settings-in-effect.ts'
import type { SettingInEffect } from '../../../shared/settings-in-effect.ts'
import { useLocale } from '../i18n/i18n.ts'
import type { Api } from '../state/api.ts'
import { AskedCard } from '../ui/asked-card.tsx'
import { Name } from '../ui/name.tsx'

/** Which settings are in effect in each process; what differs between processes comes first. Read when it is opened. */
export function ConfigurationCard({ api }: { readonly api: Api }) {
  const { t } = useLocale()
  return (
    <AskedCard title={t.access.configuration} ask={() => api.configuration()}>
      {(configuration) => <Settings configuration={configuration} />}
    </AskedCard>
  )
}

function Settings({ configuration }: { readonly configuration: ConfigurationResponse }) {
  const { t } = useLocale()
  const [showsDefaults, setShowsDefaults] = useState(false)
  const { processes, differences, unanswered } = configuration
  const shown = settingsInEffect(configuration).filter(
    ({ isDefault, differs }) => showsDefaults || !isDefault || differs,
  )
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
            {shown.map((setting) => (
              <SettingRow key={setting.name} setting={setting} />
            ))}
          </tbody>
        </table>
      </div>
    </>
  )
}

function SettingRow({ setting: { name, differs, values } }: { readonly setting: SettingInEffect }) {
  const { t } = useLocale()
  const isOne = values.length === 1
  return (
    <tr class={differs ? 'differs' : ''}>
      <th scope="row">
        <code>{name}</code>
      </th>
      <td>
        {values.map(({ setting: { value }, processes }) => (
          <div key={namesOf(processes)}>
            {value === null ? (
              <small>{t.access.unset}</small>
            ) : value === 'set' ? (
              <small>{t.access.secret}</small>
            ) : (
              <Name text={value} />
            )}
            {!isOne && <small> · {namesOf(processes)}</small>}
          </div>
        ))}
      </td>
      <td>
        {values.map(({ setting: { origin }, processes }) => (
          <div key={namesOf(processes)}>{t.access.origins[origin]}</div>
        ))}
      </td>
    </tr>
  )
}

const namesOf = (processes: readonly ProcessConfiguration[]): string =>
  processes.map(({ host, id }) => `${host} ${id.slice(0, 8)}`).join(', ')
