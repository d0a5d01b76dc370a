import type {
  ConfigurationResponse,
  EffectiveSetting,
  ProcessConfiguration,
} from './http-api/configuration.ts'

/** A setting as it is in effect in all processes that have it. */
export interface SettingInEffect {
  readonly name: string
  /** Whether processes differ in it although they should not. */
  readonly differs: boolean
  /** Whether nobody has set it. */
  readonly isDefault: boolean
  /** The values, with their origins, and the processes that have each. */
  readonly values: readonly {
    readonly setting: EffectiveSetting
    readonly processes: readonly ProcessConfiguration[]
  }[]
}

interface Value {
  readonly setting: EffectiveSetting
  readonly processes: ProcessConfiguration[]
}

/** Returns the settings of all processes by name; those that differ come first. Pure. */
export function settingsInEffect({
  processes,
  differences,
}: Pick<ConfigurationResponse, 'processes' | 'differences'>): SettingInEffect[] {
  const settings = new Map<string, Map<string, Value>>()
  for (const process of processes)
    for (const setting of process.settings) {
      const values = settings.get(setting.name) ?? new Map<string, Value>()
      const key = JSON.stringify([setting.value, setting.origin])
      const value: Value = values.get(key) ?? { setting, processes: [] }
      value.processes.push(process)
      settings.set(setting.name, values.set(key, value))
    }
  return [...settings]
    .map(([name, values]) => ({
      name,
      differs: differences.includes(name),
      isDefault: [...values.values()].every(({ setting }) => setting.origin === 'default'),
      values: [...values.values()],
    }))
    .toSorted((one, other) => Number(other.differs) - Number(one.differs))
}
