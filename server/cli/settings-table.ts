import type { ConfigurationResponse, EffectiveSetting } from '../../shared/http-api/configuration.ts'
import { tableOf, visible } from './table.ts'

/** Returns the settings in effect as lines for people: those that differ first, and no defaults. */
export function describeSettings({ processes, differences, unanswered }: ConfigurationResponse): string[] {
  const rows = [...new Set(processes.flatMap(({ settings }) => settings.map(({ name }) => name)))].flatMap(
    (name) => rowsOf(name, { processes, differences }),
  )
  return [
    differences.length === 0
      ? 'The settings of all processes agree.'
      : `DIFFERENT between processes: ${differences.join(', ')}`,
    '',
    ...tableOf(['SETTING', 'VALUE', 'ORIGIN', 'PROCESSES'], rows),
    ...unanswered.map(({ id, why }) => `Process ${shortId(id)} did not answer: ${visible(why)}`),
  ]
}

/** A row for each value that is in effect somewhere. */
function rowsOf(
  name: string,
  { processes, differences }: Pick<ConfigurationResponse, 'processes' | 'differences'>,
): string[][] {
  const ids = new Map<string, { readonly setting: EffectiveSetting; readonly ids: string[] }>()
  for (const { id, settings } of processes) {
    const setting = settings.find((one) => one.name === name)
    if (setting === undefined) continue
    const key = JSON.stringify([setting.value, setting.origin])
    const group = ids.get(key) ?? { setting, ids: [] }
    group.ids.push(shortId(id))
    ids.set(key, group)
  }
  const isDefault = [...ids.values()].every(({ setting }) => setting.origin === 'default')
  if (isDefault) return []
  return [...ids.values()].map(({ setting: { value, origin }, ids: of }) => [
    differences.includes(name) ? `${name} *` : name,
    value === null ? 'not set' : visible(value),
    origin,
    of.length === processes.length ? 'all' : of.join(', '),
  ])
}

const shortId = (id: string): string => visible(id).slice(0, 8)
