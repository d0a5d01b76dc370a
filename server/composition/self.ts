import type { IncomingMessage } from 'node:http'
import type { StatusDependencies } from '../api/status.ts'
import * as options from '../config/options.ts'
import type { KnownSetting } from '../config/effective-settings.ts'
import type { Environment } from '../config/settings.ts'
import type { ForwardedWatch } from '../http/forwarded.ts'
import type { RequestTimes } from '../receiver/request-times.ts'
import { createProcessAsking } from '../telemetry/ask-processes.ts'
import { answerConfiguration, createConfigurations } from '../telemetry/configurations.ts'
import { createMarks } from '../telemetry/setting-marks.ts'
import type { Base } from './base.ts'
import { createDoctor } from './doctor.ts'
import { startHistory } from './health.ts'
import type { HealthParts } from './health.ts'

/** What every process tells of itself and the others, to those who ask over HTTP. */
export type SelfReports = Pick<
  StatusDependencies,
  'readOverview' | 'readDoctor' | 'readConfigurations' | 'readHistory' | 'deployment'
>

interface Sources {
  /** Those that are told. */
  readonly settings: readonly KnownSetting[]
  /** The variables that the settings were read from, for the doctor; undefined in a simulation. */
  readonly environment: Environment | undefined
  readonly requestTimes: RequestTimes
  readonly forwarded: ForwardedWatch
  readonly isFromProxy: (request: Pick<IncomingMessage, 'socket'>) => boolean
}

/** Creates the reports of this process, and answers the other processes when they ask for theirs. */
export function createSelfReports(
  base: Base,
  health: HealthParts,
  { settings, environment, requestTimes, forwarded, isFromProxy }: Sources,
) {
  const { config, lifecycle, broker, metrics } = base
  const { process: self, readOverview } = health
  const askProcesses = createProcessAsking({
    self: self.id,
    ask: (name, question) => broker.ask(name, question),
    readOverview,
  })
  const doctor = createDoctor(base, {
    self: self.id,
    askProcesses,
    environment,
    webhooks: config.ROLE === 'node' ? undefined : metrics.webhooks,
    requestTimes,
    forwarded: () => forwarded.state(),
    isFromProxy,
  })
  const own = { ...self, node: process.version, settings, marks: createMarks(config) }
  const stopAnswering = answerConfiguration(own, broker)
  lifecycle.onStop('configuration', async () => stopAnswering())
  const history = startHistory(health, base)
  lifecycle.onStop('health history', () => history.stop())
  const reports: SelfReports = {
    readOverview,
    readDoctor: doctor.read,
    readConfigurations: createConfigurations(own, askProcesses),
    readHistory: () => history.read(),
    deployment: { ...options.deployment(config), process: self },
  }
  return {
    reports,
    askProcesses,
    /** Writes what the doctor finds into the log. */
    logFindings: doctor.logFindings,
  }
}
