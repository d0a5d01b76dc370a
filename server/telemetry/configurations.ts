import { createHmac, randomBytes } from 'node:crypto'
import { GatewayError } from '../../shared/errors.ts'
import type {
  ConfigurationResponse,
  EffectiveSetting,
  ProcessConfiguration,
} from '../../shared/http-api/configuration.ts'
import { parseRecord } from '../../shared/json.ts'
import type { AskProcesses } from './ask-processes.ts'
import { decodeConfiguration } from './configuration-answer.ts'

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

/** A setting, and a mark by which whole values can be compared, secrets too. */
interface MarkedSetting extends EffectiveSetting {
  readonly mark: string
}

/** What a process answers when it is asked for its configuration. */
export interface ConfigurationAnswer extends Omit<ProcessConfiguration, 'id' | 'settings'> {
  readonly settings: readonly MarkedSetting[]
}

interface Own extends Omit<ProcessConfiguration, 'settings'> {
  readonly settings: readonly (EffectiveSetting & { readonly whole: string | null })[]
}

/** See `Broker`. */
type OnAsk = (name: string, answer: (question: string) => Promise<string>) => () => void

/** Who is asked under this name. */
const nameOf = (id: string): string => `configuration:${id}`

/** Answers the other processes. Returns a function that stops it. */
export const answerConfiguration = (own: Own, { onAsk }: { readonly onAsk: OnAsk }): (() => void) =>
  onAsk(nameOf(own.id), async (question) => JSON.stringify(marked(own, keyIn(question))))

/** Reads what all processes run with. Never rejects. */
export function createConfigurations(own: Own, askProcesses: AskProcesses) {
  return async (): Promise<Omit<ConfigurationResponse, 'ok'>> => {
    const key = randomBytes(16).toString('hex')
    const { answers: others, unanswered } = await askProcesses({
      nameOf,
      question: JSON.stringify({ key }),
      decode: decodeConfiguration,
    })
    const answers = [
      { id: own.id, ...marked(own, key) },
      ...others.map(({ id, answer }) => ({ id, ...answer })),
    ]
    return {
      processes: answers.map(({ settings, ...process }) => ({
        ...process,
        settings: settings.map(({ name, value, origin }) => ({ name, value, origin })),
      })),
      differences: differencesBetween(answers),
      unanswered,
    }
  }
}

function keyIn(question: string): string {
  const key = parseRecord(question)?.['key']
  if (typeof key !== 'string' || !/^[0-9a-f]{32}$/.test(key))
    throw new GatewayError('REQUEST_MALFORMED', 'a question that this version does not know')
  return key
}

function marked({ host, role, version, node, settings }: Own, key: string): ConfigurationAnswer {
  return {
    host,
    role,
    version,
    node,
    settings: settings.map(({ name, value, origin, whole }) => ({
      name,
      value,
      origin,
      mark: markOf(key, whole),
    })),
  }
}

/** So short, and of another key each time, that it tells little of a secret to who reads it on its way. */
const markOf = (key: string, whole: string | null): string =>
  whole === null ? '' : createHmac('sha256', key).update(whole).digest('hex').slice(0, 4)

/** A setting that one process does not have differs only from another of its role: roles ignore those of the other. */
function differencesBetween(answers: readonly ConfigurationAnswer[]): string[] {
  const names = new Set(answers.flatMap(({ settings }) => settings.map(({ name }) => name)))
  return [...names].filter((name) => {
    if (OWN_SETTINGS.includes(name)) return false
    const found = answers.flatMap(({ role, settings }) => {
      const setting = settings.find((one) => one.name === name)
      return setting === undefined ? [] : [{ role, mark: setting.mark }]
    })
    return found.some((one) =>
      found.some(
        ({ role, mark }) => mark !== one.mark && (role === one.role || (mark !== '' && one.mark !== '')),
      ),
    )
  })
}
