import type {
  ConfigurationResponse,
  EffectiveSetting,
  ProcessConfiguration,
} from '../../shared/http-api/configuration.ts'
import type { AskProcesses } from './ask-processes.ts'
import { decodeConfiguration } from './configuration-answer.ts'
import { commonKey, createMarks, KEY_SETTINGS, markAt } from './setting-marks.ts'

/** What each process has of its own. */
const OWN_SETTINGS = [
  'HOST',
  'PORT',
  'ROLE',
  'DATA_DIR',
  'LOG_LEVEL',
  'TLS_CERT',
  'TLS_KEY',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_SERVICE_NAME',
]

/** A setting, and a mark by which whole values can be compared, secrets too; empty if it is not set. See `createMarks`. */
interface MarkedSetting extends EffectiveSetting {
  readonly mark: string
}

/** What a process answers when it is asked for its configuration. */
export interface ConfigurationAnswer extends Omit<ProcessConfiguration, 'id' | 'settings'> {
  readonly settings: readonly MarkedSetting[]
  /** By which the keys of the marks are told apart. */
  readonly keys: string
}

interface Own extends Omit<ProcessConfiguration, 'settings'> {
  readonly settings: readonly (EffectiveSetting & { readonly whole: string | null })[]
  readonly marks: ReturnType<typeof createMarks>
}

/** See `Broker`. */
type OnAsk = (name: string, answer: (question: string) => Promise<string>) => () => void

/** Who is asked under this name. */
const nameOf = (id: string): string => `configuration:${id}`

/** Answers the other processes. Returns a function that stops it. */
export const answerConfiguration = (own: Own, { onAsk }: { readonly onAsk: OnAsk }): (() => void) =>
  onAsk(nameOf(own.id), async () => JSON.stringify(marked(own)))

/** Reads what all processes run with. Never rejects. */
export function createConfigurations(own: Own, askProcesses: AskProcesses) {
  return async (): Promise<Omit<ConfigurationResponse, 'ok'>> => {
    const { answers: others, unanswered } = await askProcesses({
      nameOf,
      question: 'settings',
      decode: decodeConfiguration,
    })
    const answers = [{ id: own.id, ...marked(own) }, ...others.map(({ id, answer }) => ({ id, ...answer }))]
    return {
      processes: answers.map(({ settings, keys: _keys, ...process }) => ({
        ...process,
        settings: settings.map(({ name, value, origin }) => ({ name, value, origin })),
      })),
      differences: differencesBetween(answers),
      unanswered,
    }
  }
}

function marked({ host, role, version, node, settings, marks }: Own): ConfigurationAnswer {
  return {
    host,
    role,
    version,
    node,
    keys: marks.keys,
    settings: settings.map(({ name, value, origin, whole }) => ({
      name,
      value,
      origin,
      mark: whole === null ? '' : marks.markOf(name, whole),
    })),
  }
}

/** A setting that one process does not have differs only from another of its role: roles ignore those of the other. */
function differencesBetween(answers: readonly ConfigurationAnswer[]): string[] {
  const found = answers.map(({ role, keys, settings }) => ({
    role,
    keys,
    settings: new Map(settings.map((one) => [one.name, one])),
  }))
  const different = new Set<string>()
  for (const [i, a] of found.entries())
    for (const b of found.slice(i + 1)) {
      const places = commonKey(a.keys, b.keys)
      for (const [name, one] of a.settings) {
        const other = b.settings.get(name)
        if (other === undefined || OWN_SETTINGS.includes(name) || different.has(name)) continue
        const isUnset = one.value === null || other.value === null
        if (isUnset ? a.role === b.role && one.value !== other.value : areDifferent(one, other, places))
          different.add(name)
      }
    }
  return [...different]
}

function areDifferent(
  one: MarkedSetting,
  other: MarkedSetting,
  places: ReturnType<typeof commonKey>,
): boolean {
  // What is told of a secret says nothing of it.
  if (places === undefined) return KEY_SETTINGS.includes(one.name) || one.value !== other.value
  return markAt(one.mark, places[0]) !== markAt(other.mark, places[1])
}
