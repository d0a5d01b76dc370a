import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import { asGatewayError } from '../../shared/errors.ts'
import type { StatusResponse } from '../../shared/http-api.ts'
import type { ConfigurationResponse } from '../../shared/http-api/configuration.ts'
import { parseSeconds, refuseOptions } from './command.ts'
import type { Terminal } from './command.ts'
import { createGatewayApi, withApiOptions } from './gateway-api.ts'
import type { ApiOptions, GatewayApi } from './gateway-api.ts'
import { describeSettings } from './settings-table.ts'
import { describeStatus } from './status-table.ts'

interface StatusOptions extends ApiOptions {
  readonly json: boolean
  readonly settings: boolean
  /** In s; `true` for the default. */
  readonly watch?: number | true
}

const WATCH_EVERY_S = 2
const WARNING = 1
const CRITICAL = 2

export function addStatus(program: Command, terminal: Terminal): void {
  const command = program
    .command('status')
    .description('show all processes and what needs attention')
    .option('--json', 'print the response of the gateway, one line of JSON', false)
    .option('--settings', 'show which settings are in effect where, and which differ', false)
    .option('--watch [seconds]', `look again every so many seconds (default: ${WATCH_EVERY_S})`, parseSeconds)
    .addHelpText(
      'after',
      `
Exit codes: 0 all is well, 1 warnings, 2 something critical, or nobody can be asked: no gateway answers, or there is no
token.

Example: recall-gateway status --url https://recalls.example.com`,
    )
  withApiOptions(command).action((options: StatusOptions) => {
    if (options.settings) refuseOptions(command, ['watch'], 'has no effect with --settings')
    return status(options, terminal)
  })
}

/** Prints the status, once or again and again, and sets the exit code by the worst problem. */
async function status(options: StatusOptions, terminal: Terminal): Promise<void> {
  try {
    await askStatus(options, terminal)
  } catch (error) {
    // What cannot be asked may be critical: never the code of warnings, with which the process ends otherwise.
    terminal.exitWith(CRITICAL)
    throw error
  }
}

async function askStatus(options: StatusOptions, terminal: Terminal): Promise<void> {
  const api = createGatewayApi(options, terminal.environment)
  if (options.settings) return await printSettings(api, options, terminal)
  if (options.watch === undefined) return terminal.exitWith(await printStatus(api, options, terminal))
  const everyMs = (options.watch === true ? WATCH_EVERY_S : options.watch) * 1_000
  const ending = terminal.ending()
  while (!ending.aborted) {
    await printStatus(api, options, terminal)
    await delay(everyMs, undefined, { signal: ending }).catch(() => undefined)
  }
}

/** Settings that differ between processes are a warning, and so are those that nobody knows. */
async function printSettings(api: GatewayApi, { json }: StatusOptions, terminal: Terminal): Promise<void> {
  const response = await api.get<ConfigurationResponse>('/v1/configuration')
  if (json) terminal.print(JSON.stringify(response))
  else for (const line of describeSettings(response)) terminal.print(line)
  terminal.exitWith(response.differences.length + response.unanswered.length > 0 ? WARNING : 0)
}

/** Returns the exit code. */
async function printStatus(api: GatewayApi, { json }: StatusOptions, terminal: Terminal): Promise<number> {
  try {
    const response = await api.get<StatusResponse>('/v1/status')
    if (json) terminal.print(JSON.stringify(response))
    else for (const line of describeStatus(response, Date.now())) terminal.print(line)
    return codeOf(response)
  } catch (error) {
    const { code, message } = asGatewayError(error)
    terminal.tell(`recall-gateway: ${code}: ${message}`)
    return CRITICAL
  }
}

function codeOf({ problems }: StatusResponse): number {
  if (problems.some(({ severity }) => severity === 'critical')) return CRITICAL
  return problems.length > 0 ? WARNING : 0
}
